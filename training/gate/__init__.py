"""Whether a candidate may replace the champion. Verdicts are data."""

from training.gate.verdict import Check, Verdict

__all__ = ["Check", "Verdict"]
