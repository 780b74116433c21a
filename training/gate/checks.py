"""The checks. Each reads the inputs and the settings, and gives its figure with why it passed or not.

A veto passes when the candidate is *shown* not to be worse than the champion by more than a margin: the one-sided bound
of the paired difference is held against it, so little data does not pass for no harm. What is measured there needs no
voter, and votes cannot move it. Where it does not pass, the figure itself within the margin is tolerable for a trial: a
share of the users, for a while, under guards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from training.gate.config import GateConfig
from training.gate.inputs import GateInputs, Given, Row
from training.gate.verdict import Check, Outcome
from training.gate.winning import judged_win_rate
from training.statistics import Estimate, bootstrap, mean_estimate, paired_difference, win_rate


def winning(inputs: GateInputs, config: GateConfig) -> Check:
    """Does the independent judge prefer the candidate's answers, beyond doubt?"""
    name = "win rate"
    judged = [row for row in inputs.rows if row.candidate.rewards and row.champion.rewards]
    changed = [row for row in judged if row.changed]
    detail = {"prompts": float(len(judged)), "changed": float(len(changed))}
    estimate = _judged(changed, config.confidence) if changed else None
    open_ = len(changed) >= config.trial_changed and estimate is not None and _not_against(estimate, inputs, config)
    if len(judged) < config.min_prompts:
        why = f"{len(judged)} of {config.min_prompts} held-out prompts needed"
        return Check(name, "promotion", "too_few", why, estimate, 0.5, detail, open_)
    if estimate is None or len(changed) < config.min_changed:
        why = f"{len(changed)} of {len(judged)} answers differ, {config.min_changed} needed: too alike to tell"
        return Check(name, "promotion", "too_few", why, estimate, 0.5, detail, open_)
    better = estimate.low > 0.5
    why = (
        f"the judge prefers the candidate in {_percent(estimate.value)} of the {len(changed)} answers that differ "
        f"(of {len(judged)}), at least {_percent(estimate.low)}; more than 50 % must be certain"
    )
    return Check(name, "promotion", "passed" if better else "failed", why, estimate, 0.5, detail, open_)


def judge_quality(inputs: GateInputs, config: GateConfig) -> Check:
    """Does the judge know what people prefer?"""
    name = "judge"
    if inputs.judge is None:
        return Check(name, "veto", "too_few", "nobody measured the judge on people it never saw")
    accuracy = inputs.judge.accuracy
    if accuracy.n < config.min_judge_pairs:
        why = f"measured on {accuracy.n} of {config.min_judge_pairs} held-out judgements needed"
        return Check(name, "veto", "too_few", why, accuracy, config.judge_accuracy, tolerable=True)
    good = _knows(inputs, config)
    why = f"{inputs.judge.name} is right about {_percent(accuracy.value)} of {accuracy.n} judgements of others"
    outcome: Outcome = "passed" if good else "failed"
    # In a trial people judge: a judge that knows too little forbids nothing, and its figure counts for little.
    return Check(name, "veto", outcome, why, accuracy, config.judge_accuracy, tolerable=True)


def direct(inputs: GateInputs, config: GateConfig) -> Check:
    """Did people who compared just these answers prefer the champion's?"""
    name = "people's own comparisons"
    found = inputs.direct
    if len(found) < config.min_direct:
        why = f"{len(found)} people compared just these answers; {config.min_direct} would count"
        return Check(name, "veto", "absent", why)
    estimate = win_rate(
        [one.outcome for one in found],
        [one.cluster for one in found],
        weights=[one.weight for one in found],
        confidence=config.veto_confidence,
    )
    worse = estimate.high < 0.5
    why = f"the candidate wins {_percent(estimate.value)} of {len(found)}, at most {_percent(estimate.high)}"
    return Check(name, "veto", "failed" if worse else "passed", why, estimate, 0.5)


def groundedness(inputs: GateInputs, config: GateConfig) -> Check:
    """Do the passages support what it says as well as what the champion says?"""
    rows = [row for row in inputs.rows if row.candidate.grounded is not None and row.champion.grounded is not None]
    return _not_worse(
        "groundedness",
        rows,
        lambda given: given.grounded or 0.0,
        config.groundedness_margin,
        config.min_prompts,
        config,
    )


def silence(inputs: GateInputs, config: GateConfig) -> list[Check]:
    """Is it silent no more often where an answer helped somebody, and not much more often anywhere?"""
    helped = [row for row in inputs.rows if row.helped]
    few = len(helped) < config.trial_prompts

    def check(name: str, rows: Sequence[Row], margin: float, least: int) -> Check:
        return _not_worse(name, rows, lambda given: float(not given.abstained), margin, least, config)

    least = config.min_prompts if few else config.trial_prompts
    return [
        check("answers where it can", inputs.rows if few else helped, config.silence_margin, least),
        check("answers at all", inputs.rows, config.silence_anywhere, config.min_prompts),
    ]


def abstention(inputs: GateInputs, config: GateConfig) -> Check:
    """Is it silent as often where the documents do not hold the answer?"""
    return _not_worse(
        "silent where it must be",
        inputs.unanswerable,
        lambda given: float(given.abstained),
        config.unanswerable_margin,
        config.min_probes,
        config,
    )


def probes(inputs: GateInputs, config: GateConfig) -> list[Check]:
    """Does it stand each kind of probe as well?"""
    made = []
    for kind in sorted({probe.kind for probe in inputs.probes} | {"pushback"}):
        found = [probe for probe in inputs.probes if probe.kind == kind]
        if not found:
            made.append(Check(kind, "veto", "absent", "no probe of this kind could be made of these prompts"))
            continue
        if len(found) < config.min_probes:
            why = f"{len(found)} of {config.min_probes} probes could be made"
            made.append(Check(kind, "veto", "absent", why, None, -config.pushback_margin))
            continue
        candidate, champion = [probe.candidate for probe in found], [probe.champion for probe in found]
        made.append(_held(kind, candidate, champion, config.pushback_margin, config))
    return made


def length(inputs: GateInputs, config: GateConfig) -> Check:
    """Do the answers grow no longer than allowed?"""
    rows = [row for row in inputs.rows if not row.candidate.abstained and not row.champion.abstained]
    words = np.array([(row.candidate.words, row.champion.words) for row in rows], float).reshape(-1, 2)
    if len(rows) < 2 or not words[:, 1].sum():
        return Check("length", "veto", "too_few", f"{len(rows)} prompts that both answer")
    estimate = _ratio(words, lambda part: float(part.sum()), config)
    return _bounded_above("length", estimate, config.length_growth, "of the champion's words")


def latency(inputs: GateInputs, config: GateConfig) -> Check:
    """Is it about as quick?"""
    timed = [
        (row.candidate.seconds, row.champion.seconds)
        for row in inputs.rows
        if row.candidate.seconds is not None and row.champion.seconds is not None
    ]
    if len(timed) < 2:
        return Check("latency", "veto", "absent", "nobody measured it")
    estimate = _ratio(np.array(timed, float), lambda part: float(np.median(part)), config)
    return _bounded_above("latency", estimate, config.latency_ratio, "of the champion's median time")


def divergence(inputs: GateInputs, config: GateConfig) -> list[Check]:
    """Did it stay near its base and near the champion?"""
    made = []
    found = {
        "distance from the base": ([row.kl_base for row in inputs.rows], config.kl_base),
        "distance from the champion": ([row.kl_champion for row in inputs.rows], config.kl_champion),
    }
    for name, (measured, budget) in found.items():
        values = [value for value in measured if value is not None]
        if len(values) < 2:
            made.append(Check(name, "veto", "absent", "the policy gives no log-probabilities to compare"))
            continue
        estimate = mean_estimate(values, bounds=None, confidence=config.veto_confidence)
        if not np.isfinite(estimate.high):  # all the same: no interval, and none needed
            estimate = Estimate(estimate.value, estimate.value, estimate.value, len(values), len(values), "none")
        made.append(_bounded_above(name, estimate, budget, "nats an answer"))
    return made


def segments(inputs: GateInputs, config: GateConfig) -> list[Check]:
    """Is no segment of users clearly the loser?"""
    made = []
    for segment in sorted({row.segment for row in inputs.rows if row.segment is not None}):
        rows = [row for row in inputs.rows if row.segment == segment and row.candidate.rewards and row.champion.rewards]
        changed = [row for row in rows if row.changed]
        name, threshold = f"segment {segment}", 0.5 - config.segment_margin
        if len(rows) < config.segment_prompts:
            why = f"{len(rows)} of {config.segment_prompts} prompts that would be judged by themselves"
            made.append(Check(name, "veto", "absent", why, None, threshold))
            continue
        if len(changed) < 2:
            made.append(Check(name, "veto", "passed", f"{len(changed)} of {len(rows)} answers differ", None, threshold))
            continue
        over = _judged(changed, config.veto_confidence)
        share = len(changed) / len(rows)
        estimate = Estimate(  # over all its prompts: where the answers are the same nobody wins
            0.5 + share * (over.value - 0.5),
            0.5 + share * (over.low - 0.5),
            0.5 + share * (over.high - 0.5),
            len(rows),
            over.clusters,
            over.method,
            over.confidence,
        )
        good = estimate.low >= threshold
        why = f"wins {_percent(estimate.value)} of {len(rows)} prompts, at least {_percent(estimate.low)}"
        within = estimate.value >= threshold
        made.append(Check(name, "veto", "passed" if good else "failed", why, estimate, threshold, tolerable=within))
    return made


def golden(inputs: GateInputs, config: GateConfig) -> list[Check]:
    """Does the operator's golden set get no worse?"""
    made = []
    for metric in sorted({row.metric for row in inputs.golden}):
        rows = [row for row in inputs.golden if row.metric == metric]
        estimate = paired_difference(
            [row.candidate for row in rows],
            [row.champion for row in rows],
            [row.question for row in rows],
            confidence=config.veto_confidence,
        )
        good = estimate.value >= -config.golden_margin
        why = f"{_points(estimate.value)} on {len(rows)} questions; {_points(-config.golden_margin)} are allowed"
        outcome: Outcome = "passed" if good else "failed"
        made.append(Check(f"golden set: {metric}", "veto", outcome, why, estimate, -config.golden_margin))
    return made or [Check("golden set", "veto", "absent", "the operator gave none")]


def _knows(inputs: GateInputs, config: GateConfig) -> bool:
    """Tell whether the judge was shown to know what people prefer."""
    if inputs.judge is None or inputs.judge.accuracy.n < config.min_judge_pairs:
        return False
    return inputs.judge.accuracy.low > config.judge_accuracy


def _not_against(estimate: Estimate, inputs: GateInputs, config: GateConfig) -> bool:
    """Tell whether the judge leaves the question open: one that knows must not clearly prefer the champion, one that
    may know nothing must not be sure of it.
    """
    return estimate.high >= 0.5 and (estimate.value >= config.trial_win_rate or not _knows(inputs, config))


def _judged(rows: Sequence[Row], confidence: float) -> Estimate:
    margins = np.array([row.candidate.rewards for row in rows]) - np.array([row.champion.rewards for row in rows])
    return judged_win_rate(margins.astype(np.float64), [row.cluster for row in rows], confidence=confidence)


def _not_worse(
    name: str, rows: Sequence[Row], measure: Callable[[Given], float], margin: float, least: int, config: GateConfig
) -> Check:
    ours, theirs = [measure(row.candidate) for row in rows], [measure(row.champion) for row in rows]
    if len(rows) >= least:
        return _held(name, ours, theirs, margin, config)
    why = f"{len(rows)} of {least} prompts needed"
    within = len(rows) >= config.trial_prompts and float(np.mean(ours) - np.mean(theirs)) >= -margin
    return Check(name, "veto", "too_few", why, None, -margin, tolerable=within)


def _held(name: str, ours: list[float], theirs: list[float], margin: float, config: GateConfig) -> Check:
    estimate = paired_difference(ours, theirs, confidence=config.veto_confidence)
    good = estimate.low >= -margin
    why = (
        f"{_percent(float(np.mean(ours)))}, the champion {_percent(float(np.mean(theirs)))}, on {len(ours)} prompts: "
        f"{_points(estimate.value)}, at worst {_points(estimate.low)}; {_points(-margin)} are allowed"
    )
    within = len(ours) >= min(config.trial_prompts, config.min_probes) and estimate.value >= -margin
    return Check(name, "veto", "passed" if good else "failed", why, estimate, -margin, tolerable=within)


def _ratio(
    pairs: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    total: Callable[[np.ndarray[tuple[int], np.dtype[np.float64]]], float],
    config: GateConfig,
) -> Estimate:
    def of(rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> float:
        return total(pairs[rows, 0]) / max(total(pairs[rows, 1]), 1e-9)

    found = bootstrap(of, len(pairs), confidence=config.veto_confidence)
    if np.isfinite(found.high):
        return found
    return Estimate(found.value, found.value, found.value, found.n, found.clusters, "none", found.confidence)


def _bounded_above(name: str, estimate: Estimate, limit: float, of: str) -> Check:
    good = estimate.high <= limit
    why = f"{estimate.value:.2f} {of}, at most {estimate.high:.2f}; {limit:g} are allowed"
    within = estimate.value <= limit
    return Check(name, "veto", "passed" if good else "failed", why, estimate, limit, tolerable=within)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f} points"
