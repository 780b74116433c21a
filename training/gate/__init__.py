"""Whether a candidate may replace the champion. Verdicts are data.

decide     all checks of plain inputs: a verdict; checks: each of them
evidence   comparisons of people that are about just these answers
probes     prompts that test what votes must not spoil
verdict    what was decided and why; inputs, config: what it was decided on
winning    the win rate by a learned judge, with the judge's own uncertainty in its interval
"""

from training.gate.config import GateConfig
from training.gate.decide import decide
from training.gate.inputs import Direct, GateInputs, Given, Golden, JudgeQuality, Probe, Row
from training.gate.verdict import Check, Verdict

__all__ = [
    "Check",
    "Direct",
    "GateConfig",
    "GateInputs",
    "Given",
    "Golden",
    "JudgeQuality",
    "Probe",
    "Row",
    "Verdict",
    "decide",
]
