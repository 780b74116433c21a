"""The heartbeat of one attempt at a cycle: a thread of a process that does nothing else, so that it cannot starve.

It lengthens the lease, tells how far the work is, and hears whether the cycle was cancelled or taken away. While Redis
is away nobody can take the cycle over either, so it goes on asking.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import redis
from redis.exceptions import RedisError

from service.cycles import store
from service.redis.calls import ask

LONGEST_PAUSE_S = 2.0  # also how long an operator waits for a cancelled cycle to notice
log = logging.getLogger(__name__)


class Heart:
    """Keeps one lease. Use it as a context manager."""

    def __init__(
        self,
        client: redis.Redis,
        cycle_id: str,
        token: int,
        lease_s: float,
        progress: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        """Beat from `__enter__` to `__exit__`.

        Args:
            client: Of Redis; used from the thread.
            cycle_id: Of the cycle.
            token: From the claim.
            lease_s: Length of the lease.
            progress: Gives fields of the row that tell how far the work is; called from the thread.
        """
        self.word: store.Renewal = "kept"  # the last one heard; `cancelled` and `lost` stay
        self._client = client
        self._cycle_id = cycle_id
        self._token = token
        self._lease_s = lease_s
        self._progress = progress
        self._told: Mapping[str, Any] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cycle-heart", daemon=True)

    def __enter__(self) -> Heart:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; the lease goes on until it ends or the cycle is finished."""
        self._closing.set()
        self._thread.join()

    def beat(self) -> None:
        """Renew the lease once, and hear."""
        try:
            told = dict(self._progress())
            changed = {name: value for name, value in told.items() if self._told.get(name) != value}
            word = ask(self._client, store.renew(self._cycle_id, self._token, self._lease_s, **changed))
        except (RedisError, OSError) as error:
            log.warning("could not renew the lease of %s: %s", self._cycle_id, error)
            return
        self._told = told
        if self.word == "kept":
            self.word = word

    def _run(self) -> None:
        pause = min(self._lease_s / 3, LONGEST_PAUSE_S)
        while not self._closing.wait(pause):
            try:
                self.beat()
            except Exception:  # the heart must outlive whatever it meets, else the cycle is taken away
                log.exception("a beat of %s failed", self._cycle_id)
