"""What goes wrong with a reward model.

RewardError
├── NotEnoughToLearn   the judgements cannot teach a preference; says what is missing
├── BadJudgements      a weight or an index among them makes no sense
└── RewardDamaged      a stored model cannot be used
"""

from __future__ import annotations


class RewardError(Exception):
    """Base of what goes wrong with a reward model."""


class NotEnoughToLearn(RewardError):
    """The judgements cannot teach a preference: too few, one-sided, or all from one voter."""

    def __init__(self, reason: str, needed: float, got: float) -> None:
        super().__init__(f"{reason}: {got:g} of {needed:g} needed")
        self.reason = reason
        self.needed = needed
        self.got = got


class BadJudgements(RewardError, ValueError):
    """A weight is negative or not finite, or a judgement points at an answer that is not there."""


class RewardDamaged(RewardError, ValueError):
    """A stored reward model is incomplete, of another format, not finite, or was made with another encoder."""
