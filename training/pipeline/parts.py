"""Who learns from what, so that nobody judges work that was made from the same judgements.

                     sources of the training      held-out sources
    training voters  TRAIN: policy, its reward    QUALITY: how right is the judge about people and
                                                  sources it never saw?
    judging voters   JUDGE: the gate's judges     JUDGE too, in folds: who is asked about a source has
                                                  learned from the others

ASKED, the prompts on which candidate and champion are compared, are all prompts about held-out sources: what was
learned comes from other sources, and the judges from voters the candidate never learned from. Unlike a split into
diagonal blocks this leaves almost nothing unused.

How much goes where follows from what the gate can show (bench/gate.py): a judge of 1,500 judgements and 400 prompts
tell 6 points from nothing four times in five. A small window therefore gives half of its voters to the judges; what
policies learn from few noisy votes hardly depends on their number (bench/loop_gain.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.datasets.examples import Counts, Example
from training.datasets.parts import chance_of, said_by, sources

JUDGEMENTS, PROMPTS = 1500, 600  # wanted for the judges and for the comparison
_JUDGING, _HELD_OUT = (0.25, 0.5), (0.15, 0.4)  # least and most of the voters, and of the sources


@dataclass(frozen=True)
class Parts:
    """The four uses of a window's examples."""

    train: tuple[Example, ...]
    judge: tuple[Example, ...]
    quality: tuple[Example, ...]
    asked: tuple[Example, ...]
    judging_share: float  # of the voters
    held_out_share: float  # of the sources
    seed: int

    def as_dict(self) -> dict[str, int]:
        """Give the number of prompts of each."""
        return {name: len(getattr(self, name)) for name in ("train", "judge", "quality", "asked")}

    def judges(self, voter: str) -> bool:
        """Tell whether a voter judges, and so never teaches."""
        return chance_of(self.seed, "voter", voter) < self.judging_share


@dataclass(frozen=True)
class Fold:
    """A judge's examples, and the prompts that it is asked about."""

    learned: tuple[Example, ...]
    asked: tuple[Example, ...]


def divide(examples: Sequence[Example], *, seed: int = 0) -> Parts:
    """Divide by hashes of names.

    Args:
        examples: The window.
        seed: Another one gives another division.

    Returns:
        The parts. No voter of `judge` is in `train` or `quality`, no source held out for `asked` is in `train`.
    """
    counts = Counts.of(examples)
    judgements = counts.comparisons + counts.ties + counts.up + counts.down
    judging = _share(JUDGEMENTS, judgements, *_JUDGING)
    held_out = _share(PROMPTS, len(examples), *_HELD_OUT)
    everybody = frozenset(voter for example in examples for voter in example.voters)
    judges = frozenset(voter for voter in everybody if chance_of(seed, "voter", voter) < judging)
    asked = [example for example in examples if _held_out(example, held_out, seed)]
    seen = [example for example in examples if not _held_out(example, held_out, seed)]
    return Parts(
        train=_by(seen, everybody - judges, unsaid=True),
        judge=_by(examples, judges),
        quality=_by(asked, everybody - judges),
        asked=tuple(asked),
        judging_share=judging,
        held_out_share=held_out,
        seed=seed,
    )


def folds(parts: Parts, k: int) -> tuple[Fold, ...]:
    """Give each judge its examples and the prompts it is asked about.

    Args:
        parts: A divided window.
        k: Judges.

    Returns:
        K folds; every prompt of `asked` is in one, and no held-out source of a fold's prompts was learned from.
    """

    def of_fold(example: Example, fold: int) -> bool:
        first = min(_held_out(example, parts.held_out_share, parts.seed))
        return int(chance_of(parts.seed, "fold", first) * k) == fold

    made = []
    for fold in range(k):
        asked = tuple(example for example in parts.asked if of_fold(example, fold))
        theirs = {name for example in asked for name in _held_out(example, parts.held_out_share, parts.seed)}
        same = {example.prompt_id for example in asked}
        learned = tuple(
            example
            for example in parts.judge
            if example.prompt_id not in same and theirs.isdisjoint(sources(example, "cited"))
        )
        made.append(Fold(learned, asked))
    return tuple(made)


def _held_out(example: Example, share: float, seed: int) -> list[str]:
    return [name for name in sources(example, "cited") if chance_of(seed, "source", name) < share]


def _share(wanted: int, there: int, least: float, most: float) -> float:
    return min(max(wanted / max(there, 1), least), most)


def _by(examples: Sequence[Example], voters: frozenset[str], *, unsaid: bool = False) -> tuple[Example, ...]:
    """Keep what these voters said; and what nobody said, such as synthetic answers to imitate, if wanted."""
    wanted = set(voters) | ({""} if unsaid else set())
    kept = [said_by(example, wanted) for example in examples]
    return tuple(example for example in kept if example.pairs or example.thumbs or example.targets)
