"""The row of an erasure: asked for, claimed by one process at a time, done over and over until it is done.

Every change is one script; run them with `ask` or `ask_async`. There is one row for each person, so asking twice means
one erasure. It never fails: what cannot be done now waits, says why, and is tried again. The name of the person is in
the row only until it is done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from service.privacy import keys
from service.privacy.identity import pseudonym
from service.redis.calls import Argument, Call, script

State = Literal["waiting", "running", "done"]
LEASE_S = 60.0
IN_THE_MAKING_MS = 24 * 3600 * 1000  # no answer takes longer


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure. Times are Redis's, in seconds since the epoch."""

    id: str
    state: State
    requested_at: float
    by: str  # identity of the admin's key
    now: bool = False  # do not wait for the next rewrite of Redis's file
    user: str = ""  # identity; empty once it is done
    started_at: float | None = None
    finished_at: float | None = None
    step: str = ""
    reason: str = ""  # why it waits
    attempts: int = 0
    token: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)  # what was taken away
    versions: tuple[str, ...] = ()  # that learned from it, as "<scope> <version>"
    datasets: tuple[str, ...] = ()  # SHA-256 of the records of snapshots that it was in
    cycles: tuple[str, ...] = ()  # that were stopped for it
    rewritten_at: float | None = None  # since when Redis's file holds nothing of it


def erasure_id(user: str) -> str:
    """Give the id of somebody's erasure, which does not tell who it is."""
    return f"era_{pseudonym(user)}"


def request(user: str, *, now: bool, by: str) -> Call[Erasure]:
    """Ask for an erasure.

    Args:
        user: Identity.
        now: Do not wait for the next rewrite of Redis's file.
        by: Identity of who asks.

    Returns:
        The call; it gives the erasure that is meant.
    """
    name = erasure_id(user)
    named = [keys.erasure(name), keys.ERASURES, keys.UNFINISHED, keys.erased(user)]
    return Call(_script("ask"), named, [name, user, int(now), by, IN_THE_MAKING_MS], _read)


def claim(name: str) -> Call[Erasure | None]:
    """Take an erasure that waits; gives None when another process has it, or it is over."""
    return Call(_script("claim"), [keys.erasure(name)], [_ms(LEASE_S)], lambda row: _read(row) if row else None)


def tell(erasure: Erasure, **told: str | Sequence[str] | Mapping[str, int]) -> Call[bool]:
    """Note how far it is, and that its holder is alive; gives False when it was taken away.

    Args:
        erasure: As claimed.
        **told: Of step, counts, versions, datasets, cycles, rewritten_at.

    Returns:
        The call.
    """
    flat: list[Argument] = []
    for name, value in told.items():
        flat += [name, value if isinstance(value, str) else json.dumps(value)]
    return Call(_script("tell"), [keys.erasure(erasure.id)], [erasure.token, _ms(LEASE_S), *flat], bool)


def finish(erasure: Erasure) -> Call[bool]:
    """Say that it is done; gives False when it was taken away. Where it was asked for again meanwhile, it waits."""
    return _end(erasure, "done", "asked for again", 0.0)


def put_off(erasure: Erasure, reason: str, pause_s: float) -> Call[bool]:
    """Give it back undone, to be tried again after a pause; gives False when it was taken away."""
    return _end(erasure, "waiting", reason, pause_s)


def read(row: Any) -> Erasure | None:
    """Read the reply to HGETALL; None where there is none."""
    return _read(row) if row else None


def _end(erasure: Erasure, state: State, reason: str, pause_s: float) -> Call[bool]:
    given: list[Argument] = [erasure.token, erasure.id, state, reason, _ms(pause_s)]
    return Call(_script("end"), [keys.erasure(erasure.id), keys.UNFINISHED], given, bool)


def _script(name: str) -> Any:
    return script("service.privacy", f"erasure_{name}")


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _read(reply: Any) -> Erasure:
    pairs = reply.items() if isinstance(reply, Mapping) else zip(reply[::2], reply[1::2], strict=True)
    row = {name.decode(): value.decode() for name, value in pairs}
    at = {name: int(row[name]) / 1000 for name in _TIMES if row.get(name)}
    return Erasure(
        id=row["id"],
        state=cast(State, row["state"]),
        requested_at=at["requested_at"],
        by=row["by"],
        now=row["now"] == "1",
        user=row.get("user", ""),
        started_at=at.get("started_at"),
        finished_at=at.get("finished_at"),
        step=row.get("step", ""),
        reason=row.get("reason", ""),
        attempts=int(row["attempts"]),
        token=int(row.get("token", 0)),
        counts=json.loads(row.get("counts", "{}")),
        versions=tuple(json.loads(row.get("versions", "[]"))),
        datasets=tuple(json.loads(row.get("datasets", "[]"))),
        cycles=tuple(json.loads(row.get("cycles", "[]"))),
        rewritten_at=at.get("rewritten_at"),
    )


_TIMES = ("requested_at", "started_at", "finished_at", "rewritten_at")
