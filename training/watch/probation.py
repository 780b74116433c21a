"""Whether a new champion keeps what it was promoted for: its thumbs against those of the champion before it.

Nobody is given the former champion any more, so this is a comparison of before and after, and other things change too:
it has a margin, and it needs as much evidence as a trial that sends a candidate back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from training.statistics import rate
from training.watch.betting import Bets
from training.watch.config import TrialConfig
from training.watch.payoffs import Payoff


@dataclass(frozen=True, slots=True)
class Judged:
    """A thumb on an answer of the champion."""

    voter: str
    up: bool


@dataclass(frozen=True, slots=True)
class Probation:
    """What became of it."""

    failed: bool
    log_e: float  # evidence that it is liked less, by more than the margin
    needed: float
    reason: str


def decide_probation(
    before: tuple[int, int], after: Sequence[Judged], config: TrialConfig | None = None
) -> Probation | None:
    """Decide.

    Args:
        before: Thumbs up and all thumbs of the former champion.
        after: Thumbs of the new one since it serves, in the order in which they came.
        config: Error rates and floors; None for the defaults.

    Returns:
        The decision; None where too little is known of the former champion to compare with.
    """
    config = config or TrialConfig()
    up, n = before
    if n < config.probation_thumbs:
        return None
    least = rate(up, n, confidence=0.8).low - config.probation_margin
    paid = [Payoff(one.voter, least - float(one.up), 1.0, 1.0) for one in after]
    log_e, needed = Bets.of(paid).log_wealth(), math.log(1 / config.alpha_worse)
    now = sum(one.up for one in after)
    shown = f"{_percent(now, len(after))} of {len(after)} thumbs are up" if after else "nobody judged it yet"
    return Probation(log_e >= needed, log_e, needed, f"{shown}, before it {_percent(up, n)} of {n} were")


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %"
