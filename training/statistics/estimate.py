"""A figure with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and the interval it is known to. An end that is not known is infinite; a figure that is not, NaN."""

    value: float
    low: float
    high: float
    n: int  # observations
    clusters: int  # independent groups of them, such as voters
    method: str = "bootstrap"  # how the interval was made: bootstrap, bounded, score or none
    confidence: float = 0.95  # two-sided

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it: what is not finite becomes null."""
        return {
            "value": _finite(self.value),
            "low": _finite(self.low),
            "high": _finite(self.high),
            "n": self.n,
            "clusters": self.clusters,
            "method": self.method,
            "confidence": self.confidence,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Estimate:
        """Read what `as_dict` gave.

        Args:
            data: Of an estimate; null ends mean "not known".

        Returns:
            The estimate.
        """
        return cls(
            value=math.nan if data["value"] is None else float(data["value"]),
            low=-math.inf if data["low"] is None else float(data["low"]),
            high=math.inf if data["high"] is None else float(data["high"]),
            n=int(data["n"]),
            clusters=int(data["clusters"]),
            method=str(data["method"]),
            confidence=float(data["confidence"]),
        )

    def __str__(self) -> str:
        """Show it to people."""
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def unknown(n: int, clusters: int, *, value: float = math.nan, confidence: float = 0.95) -> Estimate:
    """Give the estimate that claims nothing.

    Args:
        n: Observations there were.
        clusters: Groups of them.
        value: The figure itself, where at least that is known.
        confidence: What was asked for.

    Returns:
        An estimate from minus to plus infinity.
    """
    return Estimate(value, -math.inf, math.inf, n, clusters, method="none", confidence=confidence)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
