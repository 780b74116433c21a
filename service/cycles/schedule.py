"""Looks whether a cycle is due and starts it: on a schedule in a Celery process, or when an operator asks.

Looking twice at the same time is harmless: a scope has one unfinished cycle, whoever creates it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from redis.asyncio import Redis

from retrieval.catalog import Catalog
from retrieval.errors import StorageFull
from service.cycles import keys, store
from service.cycles.client import open_redis
from service.cycles.cycle import Trigger
from service.cycles.plan import Planned, planned, wanted_scopes
from service.cycles.readers import access_lists
from service.cycles.tally import Counted, bases, catch_up, counted
from service.redis.calls import ask_async
from service.restricting import mark_closed
from service.scopes import SHARED, Readers, Scope, registry_folder, registry_kind
from service.settings import Settings
from service.voters.store import VoterStore
from training.registry.aliases import CANDIDATE
from training.registry.registry import Registry

log = logging.getLogger(__name__)
HISTORY = 12  # cycles of a scope; more failures in a row make no difference


@dataclass(frozen=True, slots=True)
class Plan:
    """What every scope waits for."""

    scopes: tuple[Planned, ...]
    started: tuple[str, ...] = ()  # ids of cycles that this look created


async def look(client: Redis, settings: Settings, readers: Readers, *, only: Scope | None = None) -> Plan:
    """Tell what every scope waits for, without starting anything.

    Args:
        client: Of Redis; `decode_responses=False`.
        settings: The floors, and where registries are.
        readers: Access lists of all collections.
        only: Only of this scope, wanted or not.

    Returns:
        The plan, the shared scope first.
    """
    await catch_up(client, readers, frozenset(await VoterStore(client).excluded()))
    counts, found = await counted(client), await bases(client)
    seconds, micros = await client.time()
    plans = []
    for scope in (only,) if only is not None else wanted_scopes(settings, counts, readers):
        history = await ask_async(client, store.newest(HISTORY, scope=str(scope))) or ()
        on_trial = await asyncio.to_thread(candidate_of, settings, scope)
        base, count = found.get(str(scope)), counts.get(str(scope), Counted())
        plans.append(planned(scope, settings, count, base, history, on_trial, seconds + micros / 1e6))
    if plans:
        await client.hset(keys.TOLD, mapping={str(one.scope): one.told for one in plans})
    return Plan(tuple(plans))


async def start(client: Redis, plan: Planned, trigger: Trigger) -> store.Created:
    """Enter the cycle of a plan; where its scope has an unfinished one, that one is meant."""
    return await ask_async(client, store.create(str(plan.scope), trigger, reason=plan.carries))


def check(settings: Settings, ring: Callable[[], object]) -> Plan:
    """Look, create the cycles that are due, and ring for a worker.

    Args:
        settings: Where everything is.
        ring: Asks a worker to look for cycles; called at most once.

    Returns:
        The plan as it was before, with what was started.

    Raises:
        redis.exceptions.RedisError: Redis does not answer; the next look tries again.
    """
    with closing(Catalog.open(settings.home)) as catalog:
        readers = access_lists(catalog)
    try:
        mark_closed(settings, readers, who="schedule")  # also what was published since a collection was closed
    except StorageFull as error:
        log.error("versions that learned from closed collections could not be marked: %s", error)
    plan = asyncio.run(_check(settings, readers))
    if plan.started:
        ring()
    return plan


def candidate_of(settings: Settings, scope: Scope = SHARED) -> str | None:
    """Give the version on trial in a scope, None where there is none."""
    folder = registry_folder(settings, scope)
    return Registry(folder, kind=registry_kind(settings)).alias(CANDIDATE) if folder.is_dir() else None


async def _check(settings: Settings, readers: Readers) -> Plan:
    async with open_redis(settings) as client:
        plan = await look(client, settings, readers)
        created = [await start(client, one, "schedule") for one in plan.scopes if one.due]
        return Plan(plan.scopes, tuple(one.id for one in created if one.new))
