"""Every change of a cycle's row, each one script: run them with `ask` or `ask_async` of `service.redis.calls`.

    cycle_id, new = ask(client, store.create("shared", "schedule", reason="240 new judgements"))

Invariants: a scope has at most one unfinished cycle; of many claims one wins; a token is given once, and only the
holder of the newest one may renew, release or finish; what is finished stays finished, but for what its trial
brings. All times are Redis's, so a worker's clock decides nothing.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from service.cycles import keys
from service.cycles.cycle import Cycle, Ended, Settled, Trigger, read_cycle
from service.redis.calls import Argument, Call, script

Renewal = Literal["kept", "cancelled", "lost"]
DETAILED = 1000  # cycles whose verdict, counts and evidence are kept: 9 kB each; of older ones 0.5 kB stay
Cancelled = Literal["cancelled", "asked", "over", "missing"]


@dataclass(frozen=True, slots=True)
class Created:
    """The cycle that is meant now."""

    id: str
    new: bool  # False: the scope had an unfinished one


@dataclass(frozen=True, slots=True)
class Open:
    """The unfinished cycles at one moment of Redis's clock."""

    now: float  # seconds since the epoch
    cycles: tuple[Cycle, ...]  # oldest first

    @property
    def ready(self) -> tuple[Cycle, ...]:
        """Those that a worker may take now."""
        return tuple(one for one in self.cycles if one.claimable and (one.not_before or 0.0) <= self.now)

    def lease_age_s(self) -> float | None:
        """Give the seconds since the stalest lease was renewed, None where nobody works."""
        return max((one.lease.age_s(self.now) for one in self.cycles if one.lease is not None), default=None)


def new_id() -> str:
    """Make an id; it is also the name of a folder."""
    return f"cycle_{secrets.token_hex(8)}"


def create(scope: str, trigger: Trigger, *, reason: str = "", cycle_id: str | None = None) -> Call[Created]:
    """Enter a cycle; where the scope has an unfinished one, that one is meant.

    Args:
        scope: What it trains for.
        trigger: Who wants it.
        reason: Why it is due.
        cycle_id: Its id; a new one by default.

    Returns:
        The call; it gives which cycle is meant now.
    """
    new = new_id() if cycle_id is None else cycle_id
    return _call(
        "create",
        [keys.cycle(new), keys.CYCLES, keys.OPEN],
        [new, scope, trigger, reason, DETAILED, keys.CYCLE],
        lambda reply: Created(_text(reply[0]), bool(reply[1])),
    )


def claim(cycle_id: str, by: str, lease_s: float) -> Call[int | None]:
    """Take a waiting cycle.

    Args:
        cycle_id: Of the cycle.
        by: Who takes it, for people.
        lease_s: It is taken away after a silence of this length.

    Returns:
        The call; it gives the fencing token, None when it is somebody else's, over or pausing.
    """
    return _call("claim", [keys.cycle(cycle_id)], [by, round(lease_s * 1000)], lambda reply: reply and int(reply))


def renew(cycle_id: str, token: int, lease_s: float, **told: object) -> Call[Renewal]:
    """Lengthen the lease and tell how far the work is.

    Args:
        cycle_id: Of the cycle.
        token: From `claim`.
        lease_s: As there.
        **told: Of step, progress, steps, counts, directory, reason.

    Returns:
        The call; it gives `cancelled` when it is to end, `lost` when it was taken away: then leave everything at once.
    """
    return _call("renew", [keys.cycle(cycle_id)], [token, round(lease_s * 1000), *_fields(told)], _text)


def finish(cycle_id: str, token: int, state: Ended, reason: str, *, version: str = "", **told: object) -> Call[bool]:
    """End a cycle. Saying it twice is harmless.

    Args:
        cycle_id: Of the cycle.
        token: From `claim`.
        state: How it ended.
        reason: Why, in a sentence.
        version: What it published, passed or not.
        **told: Of verdict, counts, steps, step, progress.

    Returns:
        The call; it gives False when it was taken away, and nothing changed.
    """
    return _call(
        "finish",
        [keys.cycle(cycle_id), keys.OPEN, keys.VERSIONS],
        [token, state, reason, version, *_fields(told)],
        bool,
    )


def release(cycle_id: str, token: int, reason: str, *, pause_s: float = 0.0, counts: bool = True) -> Call[bool]:
    """Give a cycle back unfinished, so that it is tried again.

    Args:
        cycle_id: Of the cycle.
        token: From `claim`.
        reason: What happened.
        pause_s: Nobody may take it for so long; at most ten minutes.
        counts: Whether this was one of its tries; an orderly stop is not.

    Returns:
        The call; it gives False when it was taken away, and nothing changed.
    """
    return _call("release", [keys.cycle(cycle_id)], [token, reason, round(pause_s * 1000), int(counts)], bool)


def request_cancel(cycle_id: str, reason: str = "cancelled by an operator") -> Call[Cancelled]:
    """Ask for a cycle's end.

    Args:
        cycle_id: Of the cycle.
        reason: Who and why.

    Returns:
        The call; it gives `cancelled`: it has ended; `asked`: its worker will end it within seconds, or the
        next one that looks; `over`: it had ended before; `missing`.
    """
    return _call("cancel", [keys.cycle(cycle_id), keys.OPEN], [reason], _text)


def requeue_expired() -> Call[tuple[str, ...]]:
    """Take cycles away from silent workers, to be tried again; gives their ids. Harmless when doubled.

    How often one may be tried is for its next worker to say: only it can see to it that the last one publishes nothing.
    """
    return _call("requeue", [keys.OPEN], [keys.CYCLE], lambda reply: tuple(map(_text, reply)))


def settle(scope: str, version: str, state: Settled, reason: str, evidence: Mapping[str, Any]) -> Call[str | None]:
    """Say what became of a version after its trial, or by hand.

    Args:
        scope: Whose registry holds the version.
        version: Its name there.
        state: What became of it.
        reason: Why, in a sentence.
        evidence: What it was decided on.

    Returns:
        The call; it gives the id of its cycle, None when no finished one has it.
    """
    return _call(
        "settle",
        [keys.VERSIONS],
        [keys.CYCLE, scope, version, state, reason, json.dumps(evidence)],
        lambda reply: _text(reply) if reply else None,
    )


def get(cycle_id: str) -> Call[Cycle | None]:
    """Give one cycle, None when there is none of that id."""
    return _call("get", [keys.cycle(cycle_id)], [], lambda reply: _cycle(reply) if reply else None)


def of_version(scope: str, version: str) -> Call[Cycle | None]:
    """Give the cycle that published a version."""
    return _call(
        "of_version",
        [keys.VERSIONS],
        [keys.CYCLE, scope, version],
        lambda reply: _cycle(reply) if reply else None,
    )


def newest(limit: int = 20, *, scope: str = "", after: str = "") -> Call[tuple[Cycle, ...] | None]:
    """Give cycles, the newest first.

    Args:
        limit: How many.
        scope: Only of this one.
        after: Id of the last one known.

    Returns:
        The call; it gives the cycles; None when there is none to go on after.
    """
    return _call(
        "list",
        [keys.CYCLES],
        [keys.CYCLE, scope, after, limit],
        lambda reply: None if reply is None else tuple(map(_cycle, reply)),
    )


def unfinished() -> Call[Open]:
    """Give the cycles that wait or run, and Redis's time."""

    def read(reply: Sequence[Any]) -> Open:
        cycles = [_cycle(row) for row in reply[1:] if row]
        return Open(int(reply[0]) / 1000, tuple(sorted(cycles, key=lambda one: (one.created_at, one.id))))

    return _call("open", [keys.OPEN], [keys.CYCLE], read)


def _call(name: str, named: Sequence[str], arguments: Sequence[Argument], read: Any) -> Call[Any]:
    return Call(script("service.cycles", name), named, arguments, read)


def _fields(told: Mapping[str, object]) -> list[Argument]:
    """Give field and value in turn; what has a structure is JSON."""
    return [
        part
        for name, value in told.items()
        for part in (name, value if isinstance(value, (str, int, float)) else json.dumps(value))
    ]


def _cycle(reply: Any) -> Cycle:
    """Read HGETALL's reply: of Redis 6 in turn, of RESP 3 as a map."""
    pairs = reply.items() if isinstance(reply, Mapping) else zip(reply[::2], reply[1::2], strict=True)
    return read_cycle({_text(name): _text(value) for name, value in pairs})


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
