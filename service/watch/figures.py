"""Where trials stand, for people and for Prometheus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis

from service.scopes import Scope
from service.watch import keys

MOST_HISTORY = 10


async def trial_of(client: Redis, scope: Scope) -> dict[str, Any] | None:
    """Give the trial of a scope as the watch last saw it.

    Args:
        client: Made with `decode_responses=False`.
        scope: Whose trial.

    Returns:
        Versions, when it began, and the last decision with its evidence; None where nothing is on trial, or the watch
        has not seen it yet.

    Raises:
        redis.exceptions.RedisError: Redis does not answer.
    """
    row: Any = await client.hgetall(keys.trial(scope))
    return _trial(scope, row) if row else None


async def ended_of(client: Redis, scope: Scope, most: int = MOST_HISTORY) -> list[dict[str, Any]]:
    """Give the trials of a scope that ended, the newest first; fails as `trial_of` does."""
    found: Any = await client.lrange(keys.history(scope), 0, most - 1)
    return [json.loads(one) for one in found]


async def probation_of(client: Redis, scope: Scope) -> dict[str, Any] | None:
    """Give what is said of a champion that is new; None where none is; fails as `trial_of` does."""
    row: Any = await client.hgetall(keys.probation(scope))
    if not row:
        return None
    return {
        "champion": row[b"champion"].decode(),
        "former": row[b"former"].decode(),
        "began_at": int(row[b"began_ms"]) / 1000,
        "decision": json.loads(row.get(b"decision", b"{}")),
    }


async def decisions(client: Redis) -> dict[str, int]:
    """Count what was ever decided: promote, rollback, probation; fails as `trial_of` does."""
    found: Any = await client.hgetall(keys.DECISIONS)
    return {name.decode(): int(number) for name, number in found.items()}


def _trial(scope: Scope, row: Mapping[bytes, bytes]) -> dict[str, Any]:
    looked = row.get(b"looked_ms")
    return {
        "scope": str(scope),
        "candidate": row[b"candidate"].decode(),
        "champion": row[b"champion"].decode(),
        "began_at": int(row[b"began_ms"]) / 1000,
        "news_at": None if looked is None else int(looked) / 1000,
        "decision": json.loads(row.get(b"decision", b"{}")),
    }
