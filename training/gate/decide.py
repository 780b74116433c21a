"""Whether a candidate may replace the champion. Pure: the same inputs and settings give the same verdict."""

from __future__ import annotations

from training.gate import checks
from training.gate.config import GateConfig
from training.gate.inputs import GateInputs
from training.gate.verdict import Verdict


def decide(inputs: GateInputs, config: GateConfig | None = None) -> Verdict:
    """Ask every question; the candidate passes only if no answer stands in its way.

    Args:
        inputs: What both policies answered, and what was measured of it.
        config: Thresholds and floors; None for the defaults.

    Returns:
        The verdict, with every check.

    Raises:
        ValueError: The judge's rewards are not finite, or not of as many heads everywhere.
    """
    config = config or GateConfig()
    made = [
        checks.winning(inputs, config),
        checks.judge_quality(inputs, config),
        checks.direct(inputs, config),
        checks.groundedness(inputs, config),
        *checks.silence(inputs, config),
        checks.abstention(inputs, config),
        *checks.probes(inputs, config),
        checks.length(inputs, config),
        *checks.divergence(inputs, config),
        checks.latency(inputs, config),
        *checks.segments(inputs, config),
        *checks.golden(inputs, config),
    ]
    return Verdict(
        candidate=inputs.candidate,
        champion=inputs.champion,
        checks=tuple(made),
        inputs={**inputs.hashes, "gate inputs": inputs.digest()},
        config=config.as_dict(),
    )
