"""What training reads: one prompt with all its judged answers, so that the prompt is computed once for all of them.

Judgements point into `Example.answers` by index. Nothing here is invented: a pair stands for a comparison that a person
expressed, and a single thumb is a vote, never half a pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from training.policy.base import Answer, Prompt

PairOutcome = Literal["first", "second", "tie", "both_bad"]
PairOrigin = Literal["preference", "correction", "thumbs", "imported", "ai"]
TargetOrigin = Literal["correction", "instruction", "synthetic", "rehearsal"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers compared. `first` was shown first where the order is known (`ordered`)."""

    first: int
    second: int
    outcome: PairOutcome
    weight: float
    voter: str
    origin: PairOrigin = "preference"
    ordered: bool = True


@dataclass(frozen=True, slots=True)
class Thumb:
    """An answer judged alone."""

    answer: int
    up: bool
    weight: float
    voter: str


@dataclass(frozen=True, slots=True)
class Target:
    """An answer to imitate."""

    answer: int
    weight: float
    origin: TargetOrigin = "correction"
    voter: str = ""  # who wrote it or asked for it; empty where nobody did


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt, its answers, and what people said about them."""

    prompt_id: str
    prompt: Prompt
    answers: tuple[Answer, ...]
    pairs: tuple[Pair, ...] = ()
    thumbs: tuple[Thumb, ...] = ()
    targets: tuple[Target, ...] = ()

    @property
    def segment(self) -> str | None:
        """Segment of whoever asked."""
        return self.prompt.segment

    @property
    def documents(self) -> frozenset[str]:
        """Ids of the documents that were shown."""
        return frozenset(passage.document_id for passage in self.prompt.passages)

    @property
    def voters(self) -> frozenset[str]:
        """Everyone who judged it."""
        named = (target.voter for target in self.targets if target.voter)
        return frozenset([*(pair.voter for pair in self.pairs), *(thumb.voter for thumb in self.thumbs), *named])

    @property
    def helped(self) -> bool:
        """Tell whether people found more right than wrong with some answer to it, or wrote one themselves."""
        said = [0.0] * len(self.answers)
        for thumb in self.thumbs:
            said[thumb.answer] += thumb.weight if thumb.up else -thumb.weight
        for pair in self.pairs:
            for answer in (pair.first, pair.second):
                if pair.outcome == "both_bad":
                    said[answer] -= pair.weight
                elif pair.outcome in ("first", "second") and answer == getattr(pair, pair.outcome):
                    said[answer] += pair.weight
        for target in self.targets:
            said[target.answer] += target.weight
        return any(worth > 0 and not answer.abstained for worth, answer in zip(said, self.answers, strict=True))

    @property
    def weight(self) -> float:
        """Sum of the weights of its judgements."""
        weights = [
            *(pair.weight for pair in self.pairs),
            *(thumb.weight for thumb in self.thumbs),
            *(target.weight for target in self.targets),
        ]
        return sum(weights)


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of each kind a set of examples holds."""

    examples: int
    comparisons: int  # pairs with a winner
    ties: int  # ties and "both bad"
    up: int
    down: int
    targets: int
    voters: int

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Counts:
        """Count.

        Args:
            examples: What is there.

        Returns:
            The counts.
        """
        pairs = [pair for example in examples for pair in example.pairs]
        thumbs = [thumb for example in examples for thumb in example.thumbs]
        decided = sum(pair.outcome in ("first", "second") for pair in pairs)
        return cls(
            examples=len(examples),
            comparisons=decided,
            ties=len(pairs) - decided,
            up=sum(thumb.up for thumb in thumbs),
            down=sum(not thumb.up for thumb in thumbs),
            targets=sum(len(example.targets) for example in examples),
            voters=len({voter for example in examples for voter in example.voters}),
        )


def decided_pairs(example: Example) -> Iterator[tuple[int, int, Pair]]:
    """Give (chosen, rejected, pair) for every pair that has a winner."""
    for pair in example.pairs:
        if pair.outcome == "first":
            yield pair.first, pair.second, pair
        elif pair.outcome == "second":
            yield pair.second, pair.first, pair
