"""Has the follower look whenever a move is announced, and every second besides: Redis may be away or forget."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from service.versions.announce import CHANNEL

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from service.versions.follower import Follower

AGAIN_S = 1.0  # until a lost subscription is tried again
log = logging.getLogger(__name__)


class Following:
    """The tasks that follow, in one process. For one event loop."""

    def __init__(self, follower: Follower, redis: Redis, poll_s: float) -> None:
        """Plan it; nothing runs before `start`."""
        self.follower = follower
        self._redis = redis
        self._poll_s = poll_s
        self._bell = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "follow-versions")  # loading takes seconds and must not stop the loop
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Follow in the background."""
        self._tasks = [
            asyncio.create_task(self._poll(), name="follow-versions"),
            asyncio.create_task(self._listen(), name="hear-versions"),
        ]

    async def look(self, *, force: bool = False) -> bool:
        """Look now and wait until what should serve does; gives whether something else serves."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: self.follower.look(force=force))

    async def close(self) -> None:
        """Stop; what loads is waited for."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown)

    async def _poll(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._bell.wait()
            self._bell.clear()
            try:
                await self.look()
            except Exception:  # a folder that cannot be read now may be readable in a second
                log.exception("the versions could not be looked at")

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(CHANNEL)
                    self._bell.set()  # whatever was announced while nobody listened
                    while True:
                        if await channel.get_message(timeout=None) is not None:
                            self._bell.set()
            except (RedisError, OSError, TimeoutError):
                await asyncio.sleep(AGAIN_S)
