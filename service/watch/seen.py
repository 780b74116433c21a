"""What this process last saw in Redis, for whoever may not wait for it: the page of metrics."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.archive.move import DONE as ARCHIVED
from service.ending import end
from service.scopes import scopes_present
from service.watch.figures import decisions, trial_of

if TYPE_CHECKING:
    from service.settings import Settings

INTERVAL_S = 5.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """Trials that run, how many decisions there ever were by kind, and how Redis and its archive are."""

    trials: tuple[dict[str, Any], ...] = ()
    decided: tuple[tuple[str, int], ...] = ()
    memory_bytes: int = 0  # that Redis uses
    archived_s: float | None = None  # since a run of the archive came to its end; None if none ever did


class TrialsSeen:
    """Reads the trials again and again. For one event loop."""

    def __init__(self, client: Redis, settings: Settings, *, interval_s: float = INTERVAL_S) -> None:
        """Plan to read; nothing is sent yet."""
        self.seen: Seen | None = None  # None while Redis is away
        self._client = client
        self._settings = settings
        self._interval_s = interval_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Read in the background from now on."""
        self._task = asyncio.create_task(self._run(), name="trials-seen")

    async def close(self) -> None:
        """Stop reading."""
        await end(self._task)

    async def look(self) -> None:
        """Read once."""
        try:
            scopes = await asyncio.to_thread(scopes_present, self._settings)
            found = [await trial_of(self._client, scope) for scope in scopes]
            decided = await decisions(self._client)
            memory = await self._client.info("memory")
            self.seen = Seen(
                tuple(one for one in found if one is not None),
                tuple(sorted(decided.items())),
                int(memory["used_memory"]),
                await self._archived_s(),
            )
        except (RedisError, OSError):
            self.seen = None

    async def _archived_s(self) -> float | None:
        done = await self._client.get(ARCHIVED)
        seconds, _ = await self._client.time()
        return None if done is None else max(0.0, seconds - int(done) / 1000)

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:  # the reading must outlive whatever one look meets
                log.exception("the trials could not be read")
                self.seen = None
            await asyncio.sleep(self._interval_s)
