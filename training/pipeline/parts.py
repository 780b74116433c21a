"""Who learns from what, so that nobody judges work that was made from the same judgements.

                     sources of the training      held-out sources
    training voters  TRAIN: policy, its reward    QUALITY: how right is the judge about people and
                                                  sources it never saw?
    judging voters   JUDGE: the gate's judge      (asked only)

ASKED, the prompts on which candidate and champion are compared, are all prompts about held-out sources: what was
learned comes from other sources, and the judge from voters the candidate never learned from. Unlike a split into
diagonal blocks this leaves almost nothing unused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.datasets.examples import Example
from training.datasets.parts import chance_of, said_by, sources

JUDGING_VOTERS, HELD_OUT_SOURCES = 0.4, 0.25


@dataclass(frozen=True)
class Parts:
    """The four uses of a window's examples."""

    train: tuple[Example, ...]
    judge: tuple[Example, ...]
    quality: tuple[Example, ...]
    asked: tuple[Example, ...]

    def as_dict(self) -> dict[str, int]:
        """Give the number of prompts of each."""
        return {name: len(getattr(self, name)) for name in ("train", "judge", "quality", "asked")}


def divide(examples: Sequence[Example], *, seed: int = 0) -> Parts:
    """Divide by hashes of names: what is added later moves nothing.

    Args:
        examples: The window.
        seed: Another one gives another division.

    Returns:
        The parts. No voter of `judge` is in `train` or `quality`, no source of `asked` is in `train` or `judge`.
    """

    def judges(voter: str) -> bool:
        return chance_of(seed, "voter", voter) < JUDGING_VOTERS

    def held_out(example: Example) -> bool:
        return any(chance_of(seed, "source", name) < HELD_OUT_SOURCES for name in sources(example, "cited"))

    asked = [example for example in examples if held_out(example)]
    seen = [example for example in examples if not held_out(example)]
    judging = frozenset(voter for example in examples for voter in example.voters if judges(voter))
    training = frozenset(voter for example in examples for voter in example.voters) - judging
    return Parts(
        train=_by(seen, training, unsaid=True),
        judge=_by(seen, judging),
        quality=_by(asked, training),
        asked=tuple(asked),
    )


def _by(examples: Sequence[Example], voters: frozenset[str], *, unsaid: bool = False) -> tuple[Example, ...]:
    """Keep what these voters said; and what nobody said, such as synthetic answers to imitate, if wanted."""
    wanted = set(voters) | ({""} if unsaid else set())
    kept = [said_by(example, wanted) for example in examples]
    return tuple(example for example in kept if example.pairs or example.thumbs or example.targets)
