"""What each version serves, counted in this process and added up in Redis about once a second.

Best effort: what a process counted in its last second is lost with it, and what Redis does not take waits for the next
try. Only answers to the name `groundloop` count; whoever pins a version, or wants one more answer, compares nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.ending import end
from service.watch import keys
from training.watch.guards import bucket_of

INTERVAL_S = 1.0
MOST_VERSIONS = 64  # counted between two flushes; more than ever serve at once
log = logging.getLogger(__name__)


class Tally:
    """Counts what this process serves. For one event loop."""

    def __init__(self, client: Redis, *, interval_s: float = INTERVAL_S) -> None:
        """Count nothing yet.

        Args:
            client: Made with `decode_responses=False`.
            interval_s: Time between two flushes.
        """
        self._client = client
        self._interval_s = interval_s
        self._counts: dict[str, Counter[str]] = {}
        self._seconds: dict[str, Counter[int]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Flush in the background from now on."""
        self._task = asyncio.create_task(self._run(), name="tally")

    async def close(self) -> None:
        """Stop, and flush once more."""
        if self._task is not None:
            await end(self._task)
        await self.flush()

    def answered(self, version: str, *, abstained: bool, seconds: float | None) -> None:
        """Count an answer.

        Args:
            version: Who gave it.
            abstained: Whether it is silence.
            seconds: How long it took; None where that was not for this version alone.
        """
        if not self._has_room(version):
            return
        self._counts.setdefault(version, Counter()).update({"answers": 1, "abstained": int(abstained)})
        if seconds is not None:
            self._seconds.setdefault(version, Counter())[bucket_of(seconds)] += 1

    def failed(self, version: str) -> None:
        """Count an answer that broke off."""
        if self._has_room(version):
            self._counts.setdefault(version, Counter())["errors"] += 1

    async def flush(self) -> None:
        """Add what was counted since the last flush; nothing happens while Redis is away."""
        counts, self._counts = self._counts, {}
        seconds, self._seconds = self._seconds, {}
        if not counts:
            return
        try:
            async with self._client.pipeline(transaction=True) as pipe:
                for version, row in counts.items():
                    for name, number in row.items():
                        pipe.hincrby(keys.served(version), name, number)
                for version, times in seconds.items():
                    for bucket, number in times.items():
                        pipe.hincrby(keys.served_seconds(version), str(bucket), number)
                await pipe.execute()
        except (RedisError, OSError):
            self._put_back(counts, seconds)

    def _put_back(self, counts: dict[str, Counter[str]], seconds: dict[str, Counter[int]]) -> None:
        for version, row in counts.items():
            self._counts.setdefault(version, Counter()).update(row)
        for version, times in seconds.items():
            self._seconds.setdefault(version, Counter()).update(times)

    def _has_room(self, version: str) -> bool:
        return version in self._counts or len(self._counts) < MOST_VERSIONS

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            try:
                await self.flush()
            except Exception:  # counting must outlive whatever a flush meets
                log.exception("what was served could not be counted")


def count_exchange(
    tally: Tally, arms: Iterable[tuple[str, str]], silent: Iterable[bool], *, failed: bool, took_s: float | None
) -> None:
    """Count what one request was given.

    Args:
        tally: Where it is counted.
        arms: Version and role of whoever gives each answer.
        silent: Of each finished answer, whether it is silence.
        failed: Whether it broke off.
        took_s: How long the request took.
    """
    given = [(version, role) for version, role in arms if role not in ("pinned", "again")]
    if failed:
        for version, _ in given[:1]:  # with two arms nobody knows which of them failed: it is the first's request
            tally.failed(version)
        return
    alone = len(given) == 1
    for (version, _), abstained in zip(given, silent, strict=False):
        tally.answered(version, abstained=abstained, seconds=took_s if alone else None)
