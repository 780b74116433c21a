"""Finds cycles that a silent worker left behind, and wakes a worker for those that wait.

Every API process and every worker looks, besides the schedule, so that no single process can strand a cycle. Looking
twice at once is harmless: a lease is taken away in one step, and a wake-up too many finds nothing to do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import redis
from redis.exceptions import RedisError

from service.cycles import store
from service.redis.calls import ask

log = logging.getLogger(__name__)


def reap(client: redis.Redis, ring: Callable[[], object]) -> store.Open:
    """Take cycles from silent workers, and ring if any cycle can be worked on now.

    Args:
        client: Of Redis.
        ring: Asks for a worker; called at most once.

    Returns:
        The unfinished cycles.

    Raises:
        redis.exceptions.RedisError: Redis does not answer.
    """
    for cycle_id in ask(client, store.requeue_expired()):
        log.warning("cycle %s came back from a silent worker", cycle_id)
    found = ask(client, store.unfinished())
    if found.ready:
        ring()
    return found


class Reaper:
    """Looks when told to, over a connection of its own, and remembers what it saw. For one thread."""

    def __init__(self, connect: Callable[[], redis.Redis], ring: Callable[[], object]) -> None:
        """Look at nothing yet.

        Args:
            connect: Makes a client; its LookupError says that no Redis is known yet.
            ring: Asks for a worker; may block or raise.
        """
        self.seen: store.Open | None = None  # None while Redis is away
        self._connect = connect
        self._ring = ring
        self._client: redis.Redis | None = None

    def __call__(self) -> None:
        """Look once; a Redis that is away is for others to report."""
        try:
            if self._client is None:
                self._client = self._connect()
            self.seen = reap(self._client, self._ring)
        except (RedisError, LookupError, OSError) as error:
            self.seen = None
            self.close()
            log.debug("cycles were not looked at: %s", error)

    def close(self) -> None:
        """Close the connection; the next look makes another one."""
        if self._client is not None:
            self._client.close()
            self._client = None
