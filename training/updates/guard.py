"""When a run has gone wrong: pure checks of figures, each with a reason that a person can act on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite, sqrt
from typing import Any

from training.updates.config import UpdateConfig

_FEW_KINDS = 0.5  # share of the distinct answers at the start below which a policy says the same to everything
_ENOUGH = 8  # answers; of fewer, some may be alike by chance


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at an evaluation."""

    step: int
    loss: float | None  # objective on held-out examples, without penalties; None where there are none
    kl: float  # nats an answer, of the policy's own answers from the base
    words: float  # mean length of its own answers
    abstained: float  # share of its own answers that abstain or are empty
    distinct: float  # distinct answers over answers
    figures: Mapping[str, float]  # accuracy, margin and so on, of held-out examples
    answers: int = 0  # how many of its own answers were looked at
    kl_error: float = 0.0  # standard error of `kl`
    words_error: float = 0.0  # and of `words`

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Look:
        """Read it back."""
        return cls(**content)


def broken(loss: float, grad_norm: float) -> str | None:
    """Say what is wrong with a step before its weights change, or None.

    Args:
        loss: Of the whole step.
        grad_norm: Of its gradient, before clipping.

    Returns:
        The reason to stop.
    """
    if not isfinite(loss):
        return f"the loss is not a number any more ({loss}): lower the learning rate"
    if not isfinite(grad_norm):
        return f"the gradient is not finite ({grad_norm}): lower the learning rate"
    return None


def diverged(look: Look, start: Look, config: UpdateConfig) -> str | None:
    """Say what is wrong with the policy at an evaluation, or None.

    Few answers are looked at, so a limit counts as passed when it is passed by two standard errors.

    Args:
        look: What was seen.
        start: What was seen before the first step.
        config: The limits.

    Returns:
        The reason to stop.
    """
    if look.loss is not None and not isfinite(look.loss):
        return "the held-out loss is not a number any more: lower the learning rate"
    if not look.kl - 2 * look.kl_error <= config.kl_budget:
        return f"KL to the base is {look.kl:.2f} nats an answer, budget {config.kl_budget:g}"
    if look.words - 2 * look.words_error > start.words * (1 + config.max_length_growth):
        return f"answers grew from {start.words:.1f} to {look.words:.1f} words, limit +{config.max_length_growth:.0%}"
    share_error = 0.5 / sqrt(look.answers) if look.answers else 0.0
    if look.abstained - 2 * share_error > start.abstained + config.max_abstention_growth:
        return f"abstentions rose from {start.abstained:.0%} to {look.abstained:.0%} of answers"
    if look.answers >= _ENOUGH and look.distinct < start.distinct * _FEW_KINDS:
        return f"distinct answers fell from {start.distinct:.0%} to {look.distinct:.0%}: it says the same to everything"
    return None
