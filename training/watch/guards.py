"""What is watched beside the votes: errors, silence, time. People who get no answer do not vote.

The figures are counts of both arms since the trial began. They are looked at every few seconds, so each is held against
an interval that holds at all times at once (asymptotic confidence sequences, Waudby-Smith, Arbour, Sinha, Kennedy and
Ramdas 2024, arXiv 2103.06476, Eq. 4), and a guard fails only where even the better end is beyond its margin.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from training.watch.config import TrialConfig

# Upper ends of the latency buckets in seconds: a factor of 2^(1/2) each, 5 ms to 164 s; the last bucket has none.
BUCKETS = tuple(round(0.005 * 2 ** (step / 2), 4) for step in range(31))


@dataclass(frozen=True, slots=True)
class Served:
    """What one arm served."""

    answers: int = 0
    abstained: int = 0
    errors: int = 0
    seconds: tuple[int, ...] = (0,) * (len(BUCKETS) + 1)  # answers by latency bucket

    @property
    def asked(self) -> int:
        """Questions that came to an end."""
        return self.answers + self.errors

    def p95_bucket(self) -> int:
        """Give the bucket in which the 95th percentile lies; 0 where nothing was timed."""
        left = 0.95 * sum(self.seconds)
        for at, count in enumerate(self.seconds):
            left -= count
            if left <= 0:
                return at
        return len(self.seconds) - 1


@dataclass(frozen=True, slots=True)
class GuardCheck:
    """One guard."""

    name: str
    outcome: Literal["ok", "failed", "too_few"]
    why: str

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return {"name": self.name, "outcome": self.outcome, "why": self.why}


def bucket_of(seconds: float) -> int:
    """Give the latency bucket of an answer."""
    return next((at for at, end in enumerate(BUCKETS) if seconds <= end), len(BUCKETS))


def check_guards(candidate: Served, champion: Served, config: TrialConfig) -> tuple[GuardCheck, ...]:
    """Hold the candidate's figures against the champion's.

    Args:
        candidate: Of the arm on trial.
        champion: Of the other arm, over the same time.
        config: Margins and floors.

    Returns:
        Errors, silence and latency, in this order.
    """
    return (
        _share(
            "errors",
            (candidate.errors, candidate.asked),
            (champion.errors, champion.asked),
            config.error_margin,
            config,
        ),
        _silence(candidate, champion, config),
        _latency(candidate, champion, config),
    )


def _share(name: str, ours: tuple[int, int], theirs: tuple[int, int], margin: float, config: TrialConfig) -> GuardCheck:
    n, m = ours[1], theirs[1]
    if (few := _too_few(name, n, m, config)) is not None:
        return few
    difference, half = _difference(ours, theirs, config.guard_alpha)
    bad = difference - half > margin
    shares = f"{_percent(ours[0] / n)} of {n}, the champion {_percent(theirs[0] / m)} of {m}"
    why = f"{shares}; {_percent(margin)} more are allowed"
    return GuardCheck(name, "failed" if bad else "ok", why)


def _silence(candidate: Served, champion: Served, config: TrialConfig) -> GuardCheck:
    """Much more silent is no help, much less silent makes things up."""
    more = _share(
        "silence",
        (candidate.abstained, candidate.answers),
        (champion.abstained, champion.answers),
        config.silence_margin,
        config,
    )
    if more.outcome != "ok":
        return more
    difference, half = _difference(
        (candidate.abstained, candidate.answers), (champion.abstained, champion.answers), config.guard_alpha
    )
    if difference + half < -config.silence_margin:
        return GuardCheck("silence", "failed", f"{more.why}, and as much less")
    return more


def _latency(candidate: Served, champion: Served, config: TrialConfig) -> GuardCheck:
    n, m = sum(candidate.seconds), sum(champion.seconds)
    if (few := _too_few("latency", n, m, config)) is not None:
        return few
    edge = champion.p95_bucket() + math.ceil(2 * math.log2(config.latency_ratio))  # buckets are half octaves
    slow = sum(candidate.seconds[edge + 1 :])
    _, half = _difference((slow, n), (0, m), config.guard_alpha)
    bad = slow / n - half > config.slow_share
    limit = BUCKETS[min(edge, len(BUCKETS) - 1)]
    why = f"{_percent(slow / n)} of {n} took longer than {limit:g} s, {config.latency_ratio:g} times the champion's p95"
    return GuardCheck("latency", "failed" if bad else "ok", why)


def _too_few(name: str, n: int, m: int, config: TrialConfig) -> GuardCheck | None:
    least = min(n, m)
    if least and least >= config.min_served:
        return None
    why = f"{least} of {config.min_served} answers of each"
    return GuardCheck(name, "too_few" if least < config.min_served else "ok", why)


def _difference(ours: tuple[int, int], theirs: tuple[int, int], alpha: float) -> tuple[float, float]:
    """Give the difference of two shares, and half of an interval that holds at all times."""
    (a, n), (b, m) = ours, theirs
    if not n or not m:
        return 0.0, math.inf
    # One success and one failure more on each side: no variance of 0 from a few equal answers.
    variances = [(x + 1) / (k + 2) * (1 - (x + 1) / (k + 2)) / k for x, k in (ours, theirs)]
    tuned = 2 * math.log(1 / alpha) / 200  # rho^2: tightest at 200 answers
    t = min(n, m)
    width = math.sqrt(2 * (1 + 1 / (t * tuned)) * math.log(math.sqrt(t * tuned + 1) / alpha))
    return a / n - b / m, width * math.sqrt(sum(variances))


def merge(parts: Mapping[str, Served]) -> Served:
    """Add the figures of several processes."""
    rows = list(parts.values()) or [Served()]
    return Served(
        sum(row.answers for row in rows),
        sum(row.abstained for row in rows),
        sum(row.errors for row in rows),
        tuple(sum(counts) for counts in zip(*(row.seconds for row in rows), strict=True)),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
