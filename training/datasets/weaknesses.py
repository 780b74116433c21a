"""What is wrong with a set of examples as a whole, as data: what is missing and how much. Judges nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from training.datasets.examples import Counts, Example

WeaknessCode = Literal[
    "empty", "all_up", "all_down", "all_ties", "one_answer_each", "single_voter", "few_voters", "dominant_voter",
    "contradictory",
]  # fmt: skip
_FEW_VOTERS = 5
_LARGEST_SHARE = 0.5
_LEAST_SHARED = 20


@dataclass(frozen=True, slots=True)
class Weakness:
    """One thing that is missing: `have` where `need` would do, in the unit that the message names."""

    code: WeaknessCode
    message: str
    have: float
    need: float


def weaknesses(examples: Sequence[Example]) -> tuple[Weakness, ...]:
    """Find what makes a set of examples a poor teacher whatever its size.

    Args:
        examples: What would be learned from.

    Returns:
        What was found, worst first; empty when nothing was. Whether there is *enough* is for the floors of each method.
    """
    counts = Counts.of(examples)
    judged = counts.comparisons + counts.ties + counts.up + counts.down + counts.targets
    if not judged:
        return (Weakness("empty", "There is no judgement to learn from.", 0, 1),)
    return (*_sided(examples, counts), *_voters(examples), *_contradictions(examples))


def _sided(examples: Sequence[Example], counts: Counts) -> list[Weakness]:
    found = []
    if counts.up and not counts.down:
        message = f"All {counts.up:,} thumbs are up: they say nothing about what is bad. At least one down is needed."
        found.append(Weakness("all_up", message, 0, 1))
    if counts.down and not counts.up:
        message = (
            f"All {counts.down:,} thumbs are down: they say nothing about what is good. At least one up is needed."
        )
        found.append(Weakness("all_down", message, 0, 1))
    if counts.ties and not counts.comparisons:
        message = f"All {counts.ties:,} comparisons are ties: none says which answer is better."
        found.append(Weakness("all_ties", message, 0, 1))
    several = sum(len(example.answers) > 1 for example in examples)
    if not several and not counts.targets:
        message = "No prompt has two answers: thumbs compare prompts with each other, not answers."
        found.append(Weakness("one_answer_each", message, 0, 1))
    return found


def _voters(examples: Sequence[Example]) -> list[Weakness]:
    weights = voter_weights(examples)
    total = sum(weights.values())
    if len(weights) == 1:
        return [Weakness("single_voter", "Everything was said by one voter: nobody else may agree.", 1, 2)]
    found = []
    if 0 < len(weights) < _FEW_VOTERS:
        message = f"Only {len(weights)} voters said anything; {_FEW_VOTERS} are the least that can be told apart."
        found.append(Weakness("few_voters", message, len(weights), _FEW_VOTERS))
    if total > 0 and (largest := max(weights.values()) / total) > _LARGEST_SHARE:
        message = f"One voter holds {largest:.0%} of the weight; {_LARGEST_SHARE:.0%} is the most that is healthy."
        found.append(Weakness("dominant_voter", message, largest, _LARGEST_SHARE))
    return found


def _contradictions(examples: Sequence[Example]) -> list[Weakness]:
    """Compare thumbs of different voters on one answer: agreement no better than luck means noise or sabotage."""
    agreed = shared = 0
    for example in examples:
        sides: dict[int, list[bool]] = defaultdict(list)
        for thumb in example.thumbs:
            sides[thumb.answer].append(thumb.up)
        for ups in sides.values():
            pairs = len(ups) * (len(ups) - 1) // 2
            up = sum(ups)
            shared += pairs
            agreed += up * (up - 1) // 2 + (len(ups) - up) * (len(ups) - up - 1) // 2
    if shared < _LEAST_SHARED or agreed / shared > 0.5:
        return []
    share = agreed / shared
    message = f"Voters who judged the same answer agree in {share:.0%} of {shared:,} cases: no more than by luck."
    return [Weakness("contradictory", message, share, 0.5)]


def voter_weights(examples: Sequence[Example]) -> dict[str, float]:
    """Give the weight that each voter has in pairs, thumbs and targets."""
    weights: dict[str, float] = defaultdict(float)
    for example in examples:
        for pair in example.pairs:
            weights[pair.voter] += pair.weight
        for thumb in example.thumbs:
            weights[thumb.voter] += thumb.weight
        for target in example.targets:
            if target.voter:
                weights[target.voter] += target.weight
    return dict(weights)
