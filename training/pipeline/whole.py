"""A candidate that may only be tried learns from the whole window before it is.

The gate gives half of a small window's voters and much of its sources to the judging, so what it judged learned from a
third of the judgements. Where it proves the candidate, just that one serves. Where it does not, live votes are the
proof, and they do not care what the candidate learned from: it starts anew from the base, with all of it. What votes
cannot move is measured again on the result; if anything looks worse than allowed, the one that was judged is tried.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from training.datasets.examples import Counts
from training.gate.config import GateConfig
from training.gate.decide import decide
from training.gate.inputs import GateInputs, Golden, Probe
from training.gate.verdict import Check, Verdict
from training.pipeline.configured import configured
from training.pipeline.learn import update
from training.pipeline.policies import LORA
from training.pipeline.workspace import UPDATE_RESULT, WHOLE, WHOLE_VERDICT, Workspace
from training.policy.extractive import ExtractivePolicy
from training.updates.loop import NothingToTrain

_UPDATE = "update-whole"
_BY_VOTES = ("win rate", "judge", "people's own comparisons")


def wanted(work: Workspace, verdict: Verdict) -> bool:
    """Tell whether the candidate is to learn anew. A causal model would take hours twice."""
    if verdict.tier != "trial" or work.devices.size > 1 or work.read(UPDATE_RESULT)["method"] != "pointing":
        return False
    config: GateConfig = configured(GateConfig, work.job.option("gate"), "gate")
    return config.refit and isinstance(work.contest.policy, ExtractivePolicy)


def learn_from_all(work: Workspace) -> str:
    """Train the candidate anew from its base on the whole window.

    Args:
        work: The job; its gate lets the candidate be tried.

    Returns:
        A line for people.

    Raises:
        Interrupted: The job was asked to stop.
    """
    policy = work.contest.policy
    assert isinstance(policy, ExtractivePolicy)
    counts = Counts.of(work.built.examples)
    if not work.has(WHOLE):
        for weights in policy.residual.tensors().values():
            weights[:] = 0.0
        options = work.job.option("update")
        try:
            result = update(
                work.contest.candidate,
                work.built.examples,
                (),
                auto=True,
                encoder=work.contest.encoder,
                reward=work.reward_model,
                run_dir=work.directory / _UPDATE,
                options={name: value for name, value in options.items() if name not in LORA},
                seed=work.job.seed,
                progress=lambda at: work.progress(at.step / max(at.steps, 1)),
                stopped=work.stopped,
                devices=work.devices,
            )
        except NothingToTrain as error:
            return str(error)
        provenance = {"records": work.digest, "seed": work.job.seed, "method": f"{result.method} on the whole window"}
        work.publish(WHOLE, work.contest.candidate.adapter_files(provenance))
    return f"{counts.examples} prompts of {counts.voters} voters"


def judge_anew(
    work: Workspace, inputs: GateInputs, golden: tuple[Golden, ...], probes: tuple[Probe, ...], before: Verdict
) -> Verdict:
    """Judge what learned from everything by what votes cannot move; of the rest the first verdict stands.

    Args:
        work: The job.
        inputs: Its answers beside the champion's; what judges think of them is left out, they taught it.
        golden: How it did on the operator's questions.
        probes: How it stood them.
        before: The verdict on the candidate that learned from its part.

    Returns:
        A verdict whose tier is `trial` or `refused`.
    """
    config = configured(GateConfig, work.job.option("gate"), "gate")
    anew = decide(replace(inputs, probes=probes, golden=golden, hashes=dict(before.inputs)), config)
    checks = [one for one in before.checks if _by_votes(one)] + [one for one in anew.checks if not _by_votes(one)]
    return replace(before, checks=tuple(checks))


def accepted(work: Workspace) -> bool:
    """Tell whether the one that learned from everything is published."""
    if not work.has(WHOLE) or not work.has(WHOLE_VERDICT):
        return False
    found: dict[str, Any] = work.read(WHOLE_VERDICT)
    return Verdict.from_dict(found).tier == "trial"


def _by_votes(check: Check) -> bool:
    return check.name in _BY_VOTES or check.name.startswith("segment ")
