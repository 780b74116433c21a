"""Settings of a trial. Every number has its reason beside it."""

from __future__ import annotations

from dataclasses import dataclass

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class TrialConfig:
    """Error rates, margins and floors. Effects are net shares: prompts won less prompts lost, where answers differ."""

    # Error rates hold over the whole trial, however often it is looked at.
    alpha_better: float = 0.2  # a candidate that is just as good is promoted, which costs nobody anything; how much
    # rarer it is for worse ones is measured (bench/watch.py)
    alpha_harm: float = 0.05  # a proven candidate that loses `harm` is promoted all the same: believing the gate by
    # `prior_odds`; of candidates that the gate was wrong about, prior_odds times as many at most
    alpha_worse: float = 0.05  # a candidate that is not worse is taken for worse
    alpha_futile: float = 0.2  # a candidate that wins `useful` is given up: the next one has learned from its votes
    alpha_segment: float = 0.1  # shared by all segments: one that is not worse holds up a promotion
    guard_alpha: float = 0.005  # each guard: a candidate as good as the champion fails it

    harm: float = 0.1  # net share that a proven candidate must be shown not to lose
    useful: float = 0.1  # net share worth a trial; what noisy voters show is about half of what is so
    prior_odds: float = 4.0  # for a proven candidate: the gate was 97.5 % sure, by a judge that is only a model

    min_judged: int = 30  # judgements on prompts that differ; fewer promote nothing
    min_voters: int = 8  # people behind them: two or three friends are no evidence
    min_segment: int = 20  # judgements of a segment that is judged by itself
    most_judged: int = 1000  # as many judgements without a decision: the difference is not worth more of them
    trial_max_s: float = 7 * DAY_S  # a trial that nobody votes on makes way for a newer candidate

    min_served: int = 50  # answers of each arm before a guard says anything
    error_margin: float = 0.02  # more failed answers
    silence_margin: float = 0.15  # more, or fewer, silent answers; the gate measured on which questions
    latency_ratio: float = 2.0  # of the champion's 95th percentile
    slow_share: float = 0.1  # of the answers may take longer than that; of the champion's own nearly none do

    probation_s: float = 3 * DAY_S  # a new champion's votes are held against those of the one before it
    probation_margin: float = 0.05  # of thumbs up: before and after differ for other reasons too
    probation_thumbs: int = 50  # of the one before it, without which there is nothing to compare with
