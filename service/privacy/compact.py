"""Takes what was deleted from the feedback log out of Redis's memory too.

A stream keeps its entries packed, a hundred to a node; a deleted one is only crossed out until its whole node goes, and
goes on standing in the append-only file however often that is rewritten. A copy of what is left takes the log's place,
in one step, when it holds exactly what the log holds.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import redis

from service.feedback import keys as feedback
from service.privacy import keys
from service.redis.calls import Call, ask, script

LOCK_MS = 60_000
PIECE = 500  # entries a script copies: a few ms in which Redis does nothing else
ATTEMPTS = 20
DELETED_MEANWHILE, ANOTHERS = -1, -2


def compact(client: redis.Redis, alive: Callable[[], None] = lambda: None) -> bool:
    """Copy the log and put the copy in its place.

    Args:
        client: Made with `decode_responses=False`.
        alive: Called while it goes on; may raise to leave.

    Returns:
        Whether it was done; not, where another process is at it, or too much is deleted meanwhile.

    Raises:
        redis.RedisError: Redis is away, or has no room for a copy; the log is as it was.
    """
    me = secrets.token_hex(8)
    if not client.set(keys.COMPACTING, me, nx=True, px=LOCK_MS):
        return False
    try:
        client.delete(keys.COMPACT)  # of a process that was killed
        for _ in range(ATTEMPTS):
            while (copied := _copy(client, me)) > 0:
                alive()
            if copied in (0, ANOTHERS):
                return copied == 0
        return False
    finally:
        if client.get(keys.COMPACTING) == me.encode():
            client.delete(keys.COMPACT, keys.COMPACTING)


def _copy(client: redis.Redis, me: str) -> int:
    named = [feedback.FEEDBACK, keys.COMPACT, keys.COMPACTING]
    return ask(client, Call(script("service.privacy", "compact"), named, [me, LOCK_MS, PIECE], int))
