"""One cycle as its row tells it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

State = Literal["waiting", "running", "refused", "candidate", "promoted", "rolled_back", "failed", "cancelled"]
Trigger = Literal["schedule", "operator"]
Ended = Literal["refused", "candidate", "failed", "cancelled"]
Settled = Literal["promoted", "rolled_back"]
STATES: tuple[State, ...] = get_args(State)
UNFINISHED: tuple[State, ...] = ("waiting", "running")
_RETRYING = "retrying"  # kept in Redis; people see `running`, and in the reason why it is tried again


@dataclass(frozen=True, slots=True)
class Lease:
    """Who works on a cycle. Times are Redis's, in seconds since the epoch."""

    by: str
    until: float
    length_s: float

    def age_s(self, now: float) -> float:
        """Give the seconds since it was last renewed."""
        return max(0.0, now - (self.until - self.length_s))


@dataclass(frozen=True, slots=True)
class Cycle:
    """One run of learning for one scope. Times are Redis's, in seconds since the epoch."""

    id: str
    scope: str  # shared, segment:<name> or collection:<id>
    state: State
    trigger: Trigger
    created_at: float
    reason: str = ""  # why it waits, is tried again or ended as it did
    started_at: float | None = None
    finished_at: float | None = None
    settled_at: float | None = None  # when its version was promoted or sent back
    step: str = ""
    progress: float = 0.0  # of the step, 0 to 1
    steps: tuple[Mapping[str, Any], ...] = ()  # name, started_at, finished_at, note
    attempts: int = 0
    token: int = 0
    retrying: bool = False  # its worker is gone and the next one has not come yet; the state says running
    lease: Lease | None = None
    not_before: float | None = None  # a pause before it is tried again
    cancel: str = ""  # why it is to end; empty when nobody asked
    directory: str = ""
    version: str = ""
    counts: Mapping[str, Any] = field(default_factory=dict)  # of records, by what became of them
    verdict: Mapping[str, Any] | None = None
    evidence: Mapping[str, Any] | None = None  # on which its version was promoted or sent back

    @property
    def finished(self) -> bool:
        """Tell whether the work is over; the trial of its version may not be."""
        return self.state not in UNFINISHED

    @property
    def claimable(self) -> bool:
        """Tell whether a worker may take it, now or after a pause."""
        return self.state == "waiting" or self.retrying


def read_cycle(row: Mapping[str, str]) -> Cycle:
    """Read a row.

    Args:
        row: Field and value, as text.

    Returns:
        The cycle. Unknown fields are ignored.
    """
    state = row["state"]
    lease = None
    if "lease_until" in row:
        lease = Lease(row["lease_by"], int(row["lease_until"]) / 1000, int(row["lease_ms"]) / 1000)
    return Cycle(
        id=row["id"],
        scope=row["scope"],
        state="running" if state == _RETRYING else cast(State, state),
        trigger=cast(Trigger, row["trigger"]),
        created_at=int(row["created_at"]) / 1000,
        reason=row.get("reason", ""),
        started_at=_seconds(row.get("started_at")),
        finished_at=_seconds(row.get("finished_at")),
        settled_at=_seconds(row.get("settled_at")),
        step=row.get("step", ""),
        progress=float(row.get("progress", 0.0)),
        steps=tuple(json.loads(row.get("steps", "[]"))),
        attempts=int(row["attempts"]),
        token=int(row["token"]),
        retrying=state == _RETRYING,
        lease=lease,
        not_before=_seconds(row.get("not_before")),
        cancel=row.get("cancel", ""),
        directory=row.get("directory", ""),
        version=row.get("version", ""),
        counts=json.loads(row.get("counts", "{}")),
        verdict=json.loads(row.get("verdict", "null")),
        evidence=json.loads(row.get("evidence", "null")),
    )


def _seconds(milliseconds: str | None) -> float | None:
    return None if milliseconds is None else int(milliseconds) / 1000
