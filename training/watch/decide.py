"""Promote, go on watching, or roll back. Pure: the same observations and settings give the same decision."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from training.gate.verdict import Tier
from training.watch.betting import Bets
from training.watch.config import TrialConfig
from training.watch.evidence import LiveEvidence
from training.watch.guards import GuardCheck, Served, check_guards
from training.watch.observations import Observation, counts, once_each
from training.watch.payoffs import payoffs

Action = Literal["promote", "watch", "rollback"]
BETTER, HARMLESS = "superiority", "no harm"


@dataclass(frozen=True, slots=True)
class Trial:
    """What is on trial."""

    candidate: str
    champion: str
    tier: Tier
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What the bets of one group of users say. Logarithms of e-values; 0 is no evidence."""

    better: float  # against "no better"
    harmless: float  # against "loses `harm`"
    worse: float  # against "no worse"
    futile: float  # against "wins `useful`"
    judged: int
    voters: int

    @classmethod
    def of(cls, bets: Bets, config: TrialConfig) -> Figures:
        """Bet on all of it."""
        return cls(
            bets.log_wealth(),
            bets.log_wealth(-config.harm),
            bets.log_wealth(above=False),
            bets.log_wealth(config.useful, above=False),
            len(bets),
            bets.voters,
        )


@dataclass(frozen=True, slots=True)
class TrialDecision:
    """What to do, and why, as data."""

    action: Action
    reason: str  # one sentence for people
    evidence: LiveEvidence
    net: tuple[float, float, float]  # net share won: estimate, and the interval that holds at any time
    guards: tuple[GuardCheck, ...]
    segments: Mapping[str, str] = field(default_factory=dict)  # what is said of each that is judged by itself
    missing: str = ""  # what a decision still waits for; empty once there is one

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return {
            "action": self.action,
            "reason": self.reason,
            "evidence": self.evidence.as_dict(),
            "net": {"value": _finite(self.net[0]), "low": self.net[1], "high": self.net[2]},
            "guards": [one.as_dict() for one in self.guards],
            "segments": dict(self.segments),
            "missing": self.missing,
        }


def decide_trial(
    trial: Trial,
    observations: Sequence[Observation],
    candidate: Served,
    champion: Served,
    config: TrialConfig | None = None,
) -> TrialDecision:
    """Decide.

    Args:
        trial: What is on trial, and since when.
        observations: What stands of what people said about it, in any order.
        candidate: What the candidate served since.
        champion: What the champion served since.
        config: Error rates and floors; None for the defaults.

    Returns:
        The decision with its evidence.

    Raises:
        ValueError: If a thumb's share is not between 0 and 1.
    """
    config = config or TrialConfig()
    counted = once_each(observations)
    bets = Bets.of(payoffs(counted))
    figures = Figures.of(bets, config)
    guards = check_guards(candidate, champion, config)
    segments, held_up, lost = _segments(counted, config)
    proven = trial.tier == "proven"
    prior = math.log(config.prior_odds) if proven else 0.0
    log_e = prior + figures.harmless if proven else figures.better
    needed = math.log(1 / (config.alpha_harm if proven else config.alpha_better))
    net = (bets.net, *bets.interval(config.alpha_worse))
    told = _told(net, figures)

    def decided(action: Action, reason: str, missing: str = "") -> TrialDecision:
        test = HARMLESS if proven else BETTER
        evidence = LiveEvidence(
            trial.candidate, trial.champion, test, action, round(log_e, 4), round(needed, 4), counts(counted), reason
        )
        return TrialDecision(action, reason, evidence, net, guards, segments, missing)

    if failed := [guard for guard in guards if guard.outcome == "failed"]:
        return decided("rollback", "; ".join(f"{guard.name}: {guard.why}" for guard in failed))
    if figures.worse >= math.log(1 / config.alpha_worse):
        return decided("rollback", f"it is worse: {told}")
    if lost:
        return decided("rollback", f"it is worse for segment {lost}: {segments[lost]}")
    missing = _missing(figures, guards, config)
    if not missing and log_e >= needed and not held_up:
        why = "that it does no harm" if proven else "that it is better"
        return decided("promote", f"evidence of {math.exp(min(log_e, 50.0)):.0f} to 1 {why}: {told}")
    if figures.futile - prior >= math.log(1 / config.alpha_futile):
        return decided("rollback", f"it is not better by as much as is worth a trial: {told}")
    if figures.judged >= config.most_judged:
        return decided("rollback", f"{figures.judged} judgements decided nothing: {told}")
    if trial.age_s >= config.trial_max_s:
        return decided("rollback", f"{trial.age_s / 3600:.0f} hours decided nothing: {told}")
    if not missing and held_up:
        missing = f"segment {held_up} looks worse: {segments[held_up]}"
    missing = missing or f"evidence of 1 to {math.exp(min(log_e, 50.0)):.1f}, {math.exp(needed):.0f} needed"
    return decided("watch", f"not decided: {told}", missing)


def _segments(counted: Sequence[Observation], config: TrialConfig) -> tuple[dict[str, str], str, str]:
    """Give what is said of each segment, one that holds a promotion up, and one for which the candidate must go."""
    groups: dict[str, list[Observation]] = {}
    for one in counted:
        if one.segment is not None:
            groups.setdefault(one.segment, []).append(one)
    judged = {name: found for name, found in sorted(groups.items()) if len(found) >= config.min_segment}
    said, held_up, lost = {}, "", ""
    for name, found in judged.items():
        bets = Bets.of(payoffs(found))
        worse = bets.log_wealth(above=False)
        said[name] = f"net {_points(bets.net)} of {len(bets)} judgements"
        if worse >= math.log(len(judged) / config.alpha_segment):
            held_up = held_up or name
        if worse >= math.log(len(judged) / config.alpha_worse):
            lost = lost or name
    return said, held_up, lost


def _missing(figures: Figures, guards: Sequence[GuardCheck], config: TrialConfig) -> str:
    if figures.judged < config.min_judged:
        return f"{figures.judged} of {config.min_judged} judgements on answers that differ"
    if figures.voters < config.min_voters:
        return f"{figures.voters} of {config.min_voters} people"
    waiting = [guard for guard in guards if guard.outcome == "too_few"]
    return "; ".join(f"{guard.name}: {guard.why}" for guard in waiting)


def _told(net: tuple[float, float, float], figures: Figures) -> str:
    if not figures.judged:
        return "nobody judged an answer that differs"
    return (
        f"where answers differ it wins {_points(net[0])} net ({_points(net[1])} to {_points(net[2])}), by "
        f"{figures.judged} judgements of {figures.voters} people"
    )


def _points(share: float) -> str:
    return f"{100 * share:+.0f} %"


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
