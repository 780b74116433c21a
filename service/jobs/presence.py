"""Which workers there are: each says so in Redis every few seconds, from its main process, and takes its leave.

gl:workers  zset  worker -> when it was last heard of, in ms by Redis's clock; expires with the last of them
"""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING, Any

from celery import bootsteps
from redis.exceptions import RedisError

from service.jobs.workers import ALIVE_S, WORKERS
from service.redis.blocking import connect

if TYPE_CHECKING:
    import redis

    from service.settings import Settings

EVERY_S = 5.0
TIMEOUT_S = 2.0  # the main process also passes messages to the pool
log = logging.getLogger(__name__)


class Presence:
    """Says that this worker is there, over a connection of its own. For one thread."""

    def __init__(self, settings: Settings, name: str) -> None:
        """Say nothing yet.

        Args:
            settings: Where Redis is.
            name: Of the worker, another one than that of any other.
        """
        self._settings = settings
        self._name = name
        self._client: redis.Redis | None = None

    def __call__(self) -> None:
        """Say it once; a Redis that is away is for others to report."""
        try:
            if self._client is None:
                self._client = connect(self._settings, timeout_s=TIMEOUT_S)
            seconds, micros = self._client.time()
            now_ms = int(seconds) * 1000 + int(micros) // 1000
            with self._client.pipeline(transaction=True) as pipeline:
                pipeline.zadd(WORKERS, {self._name: now_ms})
                pipeline.zremrangebyscore(WORKERS, "-inf", now_ms - round(ALIVE_S * 1000))
                pipeline.pexpire(WORKERS, round(ALIVE_S * 1000))
                pipeline.execute()
        except (RedisError, LookupError, OSError) as error:
            self._drop()
            log.debug("nobody was told that this worker is there: %s", error)

    def leave(self) -> None:
        """Say that it is gone; unsaid, others find out by its silence."""
        try:
            if self._client is not None:
                self._client.zrem(WORKERS, self._name)
        except (RedisError, OSError) as error:
            log.debug("nobody was told that this worker leaves: %s", error)
        self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def presence_step(settings: Settings) -> type[bootsteps.StartStopStep]:
    """Give the part of a worker that says it is there."""

    class Present(bootsteps.StartStopStep):  # type: ignore[misc]
        """Says so on the worker's timer."""

        requires = frozenset({"celery.worker.components:Timer"})

        def __init__(self, worker: Any, **options: Any) -> None:
            """Say nothing yet."""
            super().__init__(worker, **options)
            self._timer: Any = None
            self._presence = Presence(settings, f"{socket.gethostname()}:{os.getpid()}")

        def start(self, worker: Any) -> None:
            """Say it now and from now on."""
            self._presence()
            self._timer = worker.timer.call_repeatedly(EVERY_S, self._presence, priority=10)

        def stop(self, worker: Any) -> None:
            """Take leave."""
            if self._timer is not None:
                self._timer.cancel()
            self._presence.leave()

    return Present
