"""Starts the next cycle where what serves learned from data that were erased; it waits for nothing new."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import closing

from retrieval.catalog import Catalog
from service.cycles.client import open_redis
from service.cycles.readers import access_lists
from service.cycles.schedule import look, start
from service.scopes import Readers, Scope, registry_folder, registry_kind, scopes_present
from service.settings import Settings
from training.registry.aliases import CANDIDATE, CHAMPION
from training.registry.registry import Registry


def retrain(settings: Settings, marked: Collection[str]) -> list[str]:
    """Start cycles for scopes that are served by a marked version.

    Where there is too little to learn from, or a cycle or a trial goes on, the schedule does it in its time.

    Args:
        settings: Where everything is; with `learn` off nothing is started.
        marked: Versions that were marked just now, as "<registry> <version>".

    Returns:
        Ids of the cycles.

    Raises:
        redis.RedisError: Redis is away.
    """
    scopes = [scope for scope in scopes_present(settings) if _serves(settings, scope, marked)]
    if not scopes or not settings.learn:
        return []
    with closing(Catalog.open(settings.home)) as catalog:
        readers = access_lists(catalog)
    return asyncio.run(_start(settings, readers, scopes))


def _serves(settings: Settings, scope: Scope, marked: Collection[str]) -> bool:
    folder = registry_folder(settings, scope)
    registry = Registry(folder, kind=registry_kind(settings))
    return any(f"{folder.name} {registry.alias(alias)}" in marked for alias in (CHAMPION, CANDIDATE))


async def _start(settings: Settings, readers: Readers, scopes: Sequence[Scope]) -> list[str]:
    started = []
    async with open_redis(settings) as client:
        for scope in scopes:
            (plan,) = (await look(client, settings, readers, only=scope)).scopes
            if not plan.missing and not plan.blocked:
                started.append((await start(client, plan, "schedule")).id)
    return started
