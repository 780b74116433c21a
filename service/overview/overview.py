"""Puts the overview together, at most once every two seconds however many look at it.

Nothing it does grows with what was said: judgements are counted when they are recorded, documents through an index of
the catalog, and of collections the newest hundred are shown.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from retrieval.types import Caller
from service.cycles import store
from service.cycles.plan import Planned
from service.cycles.readers import access_lists
from service.cycles.schedule import look
from service.cycles.schemas import PlannedView
from service.errors import redis_is_down
from service.feedback.days import Day, last_days
from service.health import parts_of
from service.jobs import names
from service.jobs.workers import count_workers
from service.overview.schemas import CollectionOut, DayOut, OverviewOut, PartOut, QueueOut, ServingOut
from service.privacy import keys as privacy
from service.redis.calls import ask_async

if TYPE_CHECKING:
    from service.container import Container

FRESH_S = 2.0
MOST_COLLECTIONS = 100
BROKER = "gl:broker:"
_EVERYTHING = Caller(reads_all=True)


@dataclass(frozen=True, slots=True)
class _Disk:
    """What the home folder and this process know."""

    pending: int
    collections: list[CollectionOut]
    more: bool


@dataclass(frozen=True, slots=True)
class _Record:
    """What Redis knows; nothing while it is away."""

    workers: int | None = None
    queues: tuple[QueueOut, ...] = ()
    days: tuple[Day, ...] = ()
    plans: tuple[Planned, ...] = ()


class Overview:
    """The overview of one API process. For one event loop."""

    def __init__(self, parts: Container) -> None:
        """Look at nothing yet."""
        self._parts = parts
        self._made: OverviewOut | None = None
        self._made_at = float("-inf")
        self._making = asyncio.Lock()

    async def read(self) -> OverviewOut:
        """Give the overview, not older than two seconds; it shows every collection, so it is for operators."""
        async with self._making:
            if self._made is None or time.monotonic() - self._made_at > FRESH_S:
                self._made = await self._make()
                self._made_at = time.monotonic()
            return self._made

    async def _make(self) -> OverviewOut:
        parts = self._parts
        disk = await asyncio.to_thread(self._on_disk)
        record = await self._in_redis()
        serving = _serving(parts)
        return OverviewOut(
            parts=[PartOut(name=name, **part.model_dump()) for name, part in parts_of(parts).items()],
            queues=[
                QueueOut(name="documents", waiting=disk.pending),
                QueueOut(name="questions", waiting=parts.chat.waiting),
                *record.queues,
            ],
            workers=record.workers,
            collections=disk.collections,
            collections_more=disk.more,
            versions=serving,
            days=[DayOut.model_validate(day, from_attributes=True) for day in record.days],
            next=[PlannedView.of(plan) for plan in record.plans],
            trials=sum(one.candidate is not None for one in serving),
        )

    def _on_disk(self) -> _Disk:
        parts = self._parts
        page = parts.catalog.collections(_EVERYTHING, limit=MOST_COLLECTIONS)
        indexes = {one.collection_id: one for one in parts.searcher.status()} if parts.loaded else {}
        shown = []
        for one in page.items:
            index, counts = indexes.get(one.collection_id), one.documents_by_status
            shown.append(
                CollectionOut(
                    id=one.collection_id,
                    name=one.name,
                    documents=sum(counts.values()),
                    failed=counts.get("failed", 0),
                    pending=counts.get("in_progress", 0),
                    chunks=None if index is None else index.vectors,
                    generation=None if index is None else index.number,
                )
            )
        return _Disk(parts.catalog.pending_count(), shown, page.has_more)

    async def _in_redis(self) -> _Record:
        client = self._parts.redis
        try:
            unfinished = await ask_async(client, store.unfinished())
            async with client.pipeline(transaction=False) as pipeline:
                pipeline.scard(privacy.UNFINISHED)
                for queue in names.QUEUES:
                    pipeline.llen(BROKER + queue)
                erasures, *messages = await pipeline.execute()
            readers = await asyncio.to_thread(access_lists, self._parts.catalog)
            return _Record(
                workers=await count_workers(client),
                queues=(
                    QueueOut(name="cycles", waiting=len(unfinished.ready)),
                    QueueOut(name="erasures", waiting=erasures),
                    QueueOut(name="messages", waiting=sum(messages)),
                ),
                days=tuple(await last_days(client)),
                plans=(await look(client, self._parts.settings, readers)).scopes,
            )
        except RedisError as error:
            if not redis_is_down(error):
                raise
            return _Record()


def _serving(parts: Container) -> list[ServingOut]:
    arms = parts.policies.present.arms if parts.loaded else {}
    return [
        ServingOut(
            scope=str(scope),
            champion=arm.champion.version,
            candidate=None if arm.candidate is None else arm.candidate.version,
        )
        for scope, arm in arms.items()
    ]
