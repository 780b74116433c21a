"""What live votes showed of a candidate: the ticket with which a version on trial may become champion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class LiveEvidence:
    """The outcome of a sequential test, kept with the move it led to. It names versions and counts, nobody."""

    candidate: str
    champion: str
    test: str  # such as "superiority" or "no harm"
    decision: str  # promote, watch or rollback
    log_e: float  # natural logarithm of the e-value, prior odds included
    needed: float  # what it is held against: the logarithm of 1 / alpha
    counts: Mapping[str, int] = field(default_factory=dict)  # of what it was decided on, by name
    why: str = ""

    @property
    def proves(self) -> bool:
        """Tell whether it carries a promotion."""
        return self.decision == "promote" and self.log_e >= self.needed > 0.0

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return {
            "candidate": self.candidate,
            "champion": self.champion,
            "test": self.test,
            "decision": self.decision,
            "log_e": self.log_e if math.isfinite(self.log_e) else None,
            "needed": self.needed,
            "counts": dict(self.counts),
            "why": self.why,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LiveEvidence:
        """Read what `as_dict` gave.

        Args:
            data: Of some evidence; without a figure it proves nothing.

        Returns:
            The evidence.
        """
        return cls(
            candidate=str(data["candidate"]),
            champion=str(data["champion"]),
            test=str(data["test"]),
            decision=str(data["decision"]),
            log_e=-math.inf if data["log_e"] is None else float(data["log_e"]),
            needed=float(data["needed"]),
            counts={str(name): int(count) for name, count in data["counts"].items()},
            why=str(data.get("why", "")),
        )
