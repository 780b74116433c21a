"""Judgements as arrays: what the one loss over pairs and thumbs reads. Rows point into the answers of all examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np
import numpy.typing as npt

from training.datasets.examples import Example, PairOutcome
from training.reward.config import Floors
from training.reward.errors import BadJudgements, NotEnoughToLearn

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_TARGETS: dict[PairOutcome, float] = {"first": 1.0, "second": 0.0, "tie": 0.5, "both_bad": 0.5}


@dataclass(frozen=True)
class Judgements:
    """P comparisons and T votes over N answers. "Both bad" is a tie and two votes down of half its weight each."""

    first: Ints  # (P,) rows
    second: Ints  # (P,)
    target: Floats  # (P,) chance that the first is preferred
    ordered: Floats  # (P,) 1 where the first was also shown first
    pair_weight: Floats  # (P,)
    pair_example: Ints  # (P,) which example it belongs to
    pair_voter: tuple[str, ...]
    answer: Ints  # (T,) rows
    up: Floats  # (T,)
    vote_weight: Floats  # (T,)
    vote_example: Ints  # (T,)
    vote_voter: tuple[str, ...]
    offsets: Ints  # (E + 1,) where the answers of each example start

    @property
    def weight(self) -> float:
        """Sum of all weights."""
        return float(self.pair_weight.sum() + self.vote_weight.sum())

    @property
    def decided(self) -> npt.NDArray[np.bool_]:
        """Which comparisons have a winner, `(P,)`."""
        winners: npt.NDArray[np.bool_] = self.target != 0.5
        return winners

    def of(self, examples: Ints) -> Judgements:
        """Keep the judgements of some examples; rows stay what they were."""
        pairs = np.flatnonzero(np.isin(self.pair_example, examples))
        votes = np.flatnonzero(np.isin(self.vote_example, examples))
        return replace(
            self,
            first=self.first[pairs],
            second=self.second[pairs],
            target=self.target[pairs],
            ordered=self.ordered[pairs],
            pair_weight=self.pair_weight[pairs],
            pair_example=self.pair_example[pairs],
            pair_voter=tuple(self.pair_voter[at] for at in pairs),
            answer=self.answer[votes],
            up=self.up[votes],
            vote_weight=self.vote_weight[votes],
            vote_example=self.vote_example[votes],
            vote_voter=tuple(self.vote_voter[at] for at in votes),
        )


def gather(examples: Sequence[Example]) -> Judgements:
    """Lay the judgements of examples out as arrays.

    Args:
        examples: E examples.

    Returns:
        Their judgements; rows count the answers of all examples in order.

    Raises:
        BadJudgements: A weight is negative or not finite, or an index points at no answer.
    """
    offsets = np.cumsum([0, *(len(example.answers) for example in examples)])
    pairs, votes = [], []
    for number, example in enumerate(examples):
        start, size = int(offsets[number]), len(example.answers)
        for pair in example.pairs:
            _check(example, size, pair.weight, pair.first, pair.second)
            row = (start + pair.first, start + pair.second)
            pairs.append((*row, _TARGETS[pair.outcome], pair.ordered, pair.weight, number, pair.voter))
            if pair.outcome == "both_bad":
                votes += [(answer, 0.0, pair.weight / 2, number, pair.voter) for answer in row]
        for thumb in example.thumbs:
            _check(example, size, thumb.weight, thumb.answer)
            votes.append((start + thumb.answer, float(thumb.up), thumb.weight, number, thumb.voter))
    by_pair: list[Sequence[object]] = list(zip(*pairs, strict=True)) or [()] * 7
    by_vote: list[Sequence[object]] = list(zip(*votes, strict=True)) or [()] * 5
    return Judgements(
        first=np.array(by_pair[0], np.int64),
        second=np.array(by_pair[1], np.int64),
        target=np.array(by_pair[2], np.float64),
        ordered=np.array(by_pair[3], np.float64),
        pair_weight=np.array(by_pair[4], np.float64),
        pair_example=np.array(by_pair[5], np.int64),
        pair_voter=tuple(str(voter) for voter in by_pair[6]),
        answer=np.array(by_vote[0], np.int64),
        up=np.array(by_vote[1], np.float64),
        vote_weight=np.array(by_vote[2], np.float64),
        vote_example=np.array(by_vote[3], np.int64),
        vote_voter=tuple(str(voter) for voter in by_vote[4]),
        offsets=np.asarray(offsets, np.int64),
    )


def require(found: Judgements, floors: Floors) -> None:
    """Refuse what cannot teach a preference.

    Args:
        found: The judgements to learn from.
        floors: What there must be at least.

    Raises:
        NotEnoughToLearn: Too few judgements or voters, votes all on one side, or nothing with a weight.
    """
    decided = int((found.decided & (found.pair_weight > 0)).sum())
    counted = found.vote_weight > 0
    if decided + int(counted.sum()) < floors.judgements:
        raise NotEnoughToLearn(
            "too few comparisons with a winner and votes", floors.judgements, decided + int(counted.sum())
        )
    voters = {voter for voter, weight in zip(found.pair_voter, found.pair_weight, strict=True) if weight > 0}
    voters |= {voter for voter, weight in zip(found.vote_voter, found.vote_weight, strict=True) if weight > 0}
    if len(voters) < floors.voters:
        raise NotEnoughToLearn("too few voters", floors.voters, len(voters))
    if decided < floors.each_side:
        ups = int((found.up[counted] > 0.5).sum())
        rarer = min(ups, int(counted.sum()) - ups)
        if rarer < floors.each_side:
            side = "up" if ups == rarer else "down"
            raise NotEnoughToLearn(f"votes are one-sided: too few {side} votes", floors.each_side, rarer)


def _check(example: Example, size: int, weight: float, *answers: int) -> None:
    if not isfinite(weight) or weight < 0:
        raise BadJudgements(f"prompt {example.prompt_id}: weight {weight} is not a finite number of at least 0")
    for answer in answers:
        if not 0 <= answer < size:
            raise BadJudgements(f"prompt {example.prompt_id}: there is no answer {answer} among {size}")
    if len(answers) == 2 and answers[0] == answers[1]:
        raise BadJudgements(f"prompt {example.prompt_id}: answer {answers[0]} is compared with itself")
