"""Whether something rare is due, said once however many ask: `gl:due:<name>` in Redis is there until it is due again.

The stamp survives restarts of everything but Redis, and its age is counted by Redis's clock alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

PREFIX = "gl:due:"
RETRY_S = 600.0


@contextmanager
def due(client: redis.Redis, name: str, every_s: float, *, retry_s: float = RETRY_S) -> Iterator[bool]:
    """Give whether the caller is to do it now; if doing it raises, it is due again sooner.

    Args:
        client: Of Redis.
        name: What is to be done.
        every_s: Time from one beginning to the next.
        retry_s: The same after a failure.

    Yields:
        bool: True for one caller every `every_s`.

    Raises:
        redis.exceptions.RedisError: Redis does not answer.
    """
    key = PREFIX + name
    mine = bool(client.set(key, "1", nx=True, px=max(1, round(every_s * 1000))))
    try:
        yield mine
    except BaseException:
        if mine:
            client.pexpire(key, round(min(every_s, retry_s) * 1000))
        raise
