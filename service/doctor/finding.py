"""What an examination found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "warning", "problem"]
    told: str
    fix: str | None = None  # a command, or what to do


def ok(name: str, told: str) -> Finding:
    """Make a finding that is fine."""
    return Finding(name, "ok", told)
