"""Redis's append-only file holds what was deleted until it is rewritten; this rewrites it and waits for the end.

The log is copied first (`compact.py`): what is crossed out in it would be written again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import redis
from redis.exceptions import ResponseError

from service.privacy.compact import compact

POLL_S = 0.1
LONGEST_S = 1800.0


class NotRewritten(Exception):
    """The file was not rewritten; the message says why."""


def rewrite(client: redis.Redis, alive: Callable[[], None] = lambda: None) -> bool:
    """Rewrite the append-only file, so that nothing deleted before this call is in it.

    Args:
        client: To Redis.
        alive: Called while it goes on; may raise to leave.

    Returns:
        Whether there is such a file, and we may rewrite it; a Redis of somebody else's may not let us.

    Raises:
        NotRewritten: It failed or takes too long, a full disk for instance.
        redis.RedisError: Redis is away.
    """
    if not compact(client, alive):
        raise NotRewritten("the feedback log could not be copied without what was deleted; it is tried again")
    if not _info(client)["aof_enabled"]:
        return False
    _wait(client, alive)  # one that began before may hold what was deleted since
    try:
        client.bgrewriteaof()
    except ResponseError:
        return False
    told = _wait(client, alive)
    if told.get("aof_last_bgrewrite_status") != "ok":
        raise NotRewritten("Redis could not rewrite its append-only file; its log says why")
    with contextlib.suppress(ResponseError):
        client.slowlog_reset()  # it quotes commands
    return True


def _wait(client: redis.Redis, alive: Callable[[], None]) -> dict[str, Any]:
    deadline = time.monotonic() + LONGEST_S
    while True:
        told = _info(client)
        if not told["aof_rewrite_in_progress"] and not told["aof_rewrite_scheduled"]:
            return told
        if time.monotonic() > deadline:
            raise NotRewritten("Redis is still rewriting its append-only file")
        alive()
        time.sleep(POLL_S)


def _info(client: redis.Redis) -> dict[str, Any]:
    found: Any = client.info("persistence")
    return dict(found)
