"""The stages that judge: candidate against champion on the same held-out prompts, the verdict, and the version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from retrieval.embed.adapter import load_query_adapter
from training.datasets.evidence import evidence_marks
from training.evaluation.evaluate import evaluate
from training.evaluation.golden import read_golden
from training.gate.config import GateConfig
from training.gate.decide import decide
from training.gate.evidence import direct_evidence
from training.gate.inputs import GateInputs, Golden, JudgeQuality, Probe
from training.gate.probes import run_probes
from training.gate.verdict import Check, Verdict
from training.pipeline import whole
from training.pipeline.changes import write_changes
from training.pipeline.collecting import collect
from training.pipeline.configured import configured
from training.pipeline.job import DATA, VERSION, job_id
from training.pipeline.series import SeriesLog
from training.pipeline.verdicts import VERDICT
from training.pipeline.workspace import (
    ADAPTER,
    JUDGE,
    QUERY,
    REWARD,
    UPDATE_RESULT,
    WHOLE,
    WHOLE_VERDICT,
    Workspace,
)
from training.query.check import gain
from training.query.fit import with_vectors
from training.registry.aliases import CANDIDATE
from training.registry.card import ModelCard, environment
from training.registry.registry import Registry
from training.statistics import Estimate
from training.updates.loop import Interrupted
from training.updates.rehearsal import rehearse

QUERY_VERDICT = "query.json"


def compare(work: Workspace) -> str:
    """Let candidate and champion answer the same held-out prompts, and decide."""
    if not work.has(VERDICT):
        config = configured(GateConfig, work.job.option("gate"), "gate")
        inputs, golden, probes = _answered(work, ADAPTER)
        hashes = {"records": work.digest, "seed": str(work.job.seed)}
        direct = direct_evidence(inputs.rows, work.parts.quality)
        verdict = decide(replace(inputs, golden=golden, probes=probes, direct=direct, hashes=hashes), config)
        write_changes(work.directory, inputs.rows, work.parts.asked)  # before the verdict, which ends the stage
        work.write(VERDICT, verdict.as_dict())
    verdict = read(work)
    if verdict.passed:
        return "passed"
    stopped = "; ".join(check.name for check in verdict.checks if not check.passed)
    return f"may be tried; not shown: {stopped}" if verdict.tier == "trial" else stopped


def learn_from_all(work: Workspace) -> str:
    """Let a candidate that may only be tried learn from the whole window, and look again at what votes cannot move."""
    verdict = read(work)
    if not whole.wanted(work, verdict):
        return "as it was judged"
    told = whole.learn_from_all(work)
    if work.has(WHOLE) and not work.has(WHOLE_VERDICT):
        work.write(WHOLE_VERDICT, whole.judge_anew(work, *_answered(work, WHOLE, judged=False), verdict).as_dict())
    if whole.accepted(work):
        return told
    return f"as it was judged; {Verdict.from_dict(work.read(WHOLE_VERDICT)).summary if work.has(WHOLE) else told}"


def _answered(
    work: Workspace, adapter: str, *, judged: bool = True
) -> tuple[GateInputs, tuple[Golden, ...], tuple[Probe, ...]]:
    """Let the candidate with these weights and the champion answer everything that is asked of them."""
    curves = SeriesLog(work.directory, "gate" if judged else "whole window", x="prompt")
    inputs = collect(
        work.contest.judged(work.directory / adapter),
        work.contest.champion,
        work.parts.asked,
        absent=[example.prompt for example in rehearse(work.parts.asked, work.contest.encoder)],
        judge=work.judge if judged else None,
        quality=_quality(work) if judged else None,
        grounded=work.grounded,
        distances=(work.contest.distance, work.contest.distance_from_champion),
        progress=lambda done: _going_on(work, done),
        record=curves.add,
    )
    asked = [(example.prompt_id, example.prompt) for example in work.parts.asked]
    golden = _golden(work)
    return inputs, golden, run_probes(work.contest.policy, work.contest.champion, asked)


def _going_on(work: Workspace, done: float) -> None:
    """Tell how far it is, between two prompts: with a causal model on a small machine, all of them take long."""
    if work.stopped():
        raise Interrupted
    work.progress(done)


def check_retrieval(work: Workspace) -> str:
    """Keep the query adapter only if it ranks the passages of held-out marks better beyond doubt."""
    if not work.has(QUERY):
        return "nothing was learned"
    if not work.has(QUERY_VERDICT):
        focus = work.job.focus
        marks = evidence_marks(work.records, work.dataset, now=work.job.now, focus=focus)
        asked = [mark for mark in marks if work.parts.judges(mark.voter) and (not focus or focus.holds(mark.prompt))]
        held_out = with_vectors(asked, work.contest.encoder)
        estimate = gain(held_out, load_query_adapter(work.directory / QUERY), seed=work.job.seed) if held_out else None
        better = estimate is not None and estimate.low > 0
        why = "no marks were held out" if estimate is None else f"agreement with {len(held_out)} held-out marks"
        check = Check("retrieval", "veto", "passed" if better else "failed", why, estimate, 0.0)
        work.write(QUERY_VERDICT, check.as_dict())
    check = Check.from_dict(work.read(QUERY_VERDICT))
    return f"{'kept' if check.passed else 'left out'}: {check.why} {check.estimate or ''}".rstrip()


def publish(work: Workspace) -> str:
    """Publish the version with its verdict and its card, once; what passed or may be tried becomes the candidate."""
    registry = Registry(work.job.registry, kind=work.job.policy)
    verdict = final(work)
    if not work.has(VERSION):
        job = job_id(work.directory)
        known = [one for one in registry.list() if one.version and one.version.card.config.get("job") == job]
        name = known[0].name if known else registry.publish(_files(work), _card(work, verdict), fence=work.fence).name
        work.write(VERSION, {"version": name})
    name = published(work)
    if verdict.tier != "refused" and not _was_tried(registry, name):
        registry.assign(CANDIDATE, name, who="training", why=verdict.summary[:500], fence=work.fence)
    return name


def _was_tried(registry: Registry, name: str) -> bool:
    """Tell whether the version became the candidate once: a job that goes on must not undo what came of its trial."""
    return any((move.alias, move.after) == (CANDIDATE, name) for move in registry.aliases().moves)


def published(work: Workspace) -> str:
    """Give the name of the version that the job published."""
    return str(work.read(VERSION)["version"])


def read(work: Workspace) -> Verdict:
    """Read the verdict of the job."""
    return Verdict.from_dict(work.read(VERDICT))


def final(work: Workspace) -> Verdict:
    """Read the verdict on what is published."""
    return Verdict.from_dict(work.read(WHOLE_VERDICT)) if whole.accepted(work) else read(work)


def _quality(work: Workspace) -> JudgeQuality:
    """Say how right the judge is about voters and sources it never saw."""
    report: Mapping[str, Any] = work.read(f"{JUDGE}.json")
    measured = [report[kind]["accuracy"] for kind in ("pairs", "votes") if report.get(kind)]
    best = max((Estimate.from_dict(one) for one in measured), key=lambda one: one.n, default=None)
    return JudgeQuality(report["version"], best or Estimate(float("nan"), float("-inf"), float("inf"), 0, 0, "none"))


def _golden(work: Workspace) -> tuple[Golden, ...]:
    """Ask both the operator's questions; only what comes with passages of its own can be asked without a search."""
    if work.job.golden is None:
        return ()
    questions = [one for one in read_golden(work.job.golden) if one.passages is not None]
    ours, theirs = (evaluate(policy, questions) for policy in (work.contest.policy, work.contest.champion))
    return tuple(
        Golden("correct", new.id, new.figures.get("correct", 0.0), old.figures.get("correct", 0.0))
        for new, old in zip(ours.rows, theirs.rows, strict=True)
    )


def _files(work: Workspace) -> dict[str, Any]:
    adapter = WHOLE if whole.accepted(work) else ADAPTER
    files: dict[str, Any] = {ADAPTER: work.directory / adapter, REWARD: work.directory / REWARD}
    if work.has(QUERY) and Check.from_dict(work.read(QUERY_VERDICT)).passed:
        files[QUERY] = work.directory / QUERY
    return files


def _of_all(work: Workspace) -> str:
    return ", the judges' among them" if whole.accepted(work) else ""


def _card(work: Workspace, verdict: Verdict) -> ModelCard:
    job, contest = work.job, work.contest
    told = work.read(UPDATE_RESULT)
    data = {name: value for name, value in work.read(DATA).items() if name != "fate"}  # it names single records
    return ModelCard(
        kind=job.policy,
        base=contest.base,
        summary=f"{told['method']} on {data['used']} judgements{_of_all(work)}, compared with {contest.champion_name}",
        method=told["method"],
        config={
            "job": job_id(work.directory),
            "scope": job.scope,
            "asked for": job.method,
            "reasons": told["reasons"],
            "options": {stage: dict(options) for stage, options in job.options.items()},
        },
        seed=job.seed,
        data=data,
        data_hashes={"records": work.digest},
        metrics={
            "update": {name: told["metrics"].get(name) for name in ("start", "kept", "seconds")},
            "retrieval": work.read(QUERY_VERDICT) if work.has(QUERY_VERDICT) else None,
        },
        verdict=verdict.as_dict(),
        reward=work.read(f"{JUDGE}.json"),
        parents=(contest.champion_name,),
        environment=environment(),
    )
