"""Fetches what is known of a judgement besides the log, for `lineage.py`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from service.cycles import keys, store
from service.cycles.cycle import Cycle
from service.cycles.fates import Fate, fates_of
from service.cycles.tally import Base
from service.feedback.lineage import Background
from service.feedback.records import Entry
from service.privacy.consent import Consents
from service.redis.calls import ask_async
from service.scopes import SHARED
from service.voters import keys as voters_keys


async def background_of(client: Redis, entries: Sequence[Entry], *, consent_default: bool = True) -> Background:
    """Fetch it, in a few round trips.

    Args:
        client: Of Redis; `decode_responses=False`.
        entries: What one voter said about one thing.
        consent_default: What holds for a person who never said whether to train on what they say.

    Returns:
        What is known.
    """
    if not entries:
        return Background()
    voter = entries[0].voter
    fates = await fates_of(client, [entry.entry_id for entry in entries])
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.time()
        pipeline.hget(keys.BASES, str(SHARED))
        pipeline.hget(keys.OPEN, str(SHARED))
        pipeline.hget(keys.TOLD, str(SHARED))
        pipeline.hexists(voters_keys.EXCLUDED, voter)
        found: list[Any] = await pipeline.execute()
    (seconds, micros), base, unfinished, waits, excluded = found
    read = None if base is None else Base(**json.loads(base))
    consent = await Consents(client, default=consent_default).get(voter)
    return Background(
        fates=fates,
        cycles=await _cycles(client, fates.values()),
        now=seconds + micros / 1e6,
        too_old=0.0 if read is None else read.since,
        read_up_to="" if read is None else read.last_id,
        unfinished=_text(unfinished),
        waits=_text(waits),
        excluded=bool(excluded),
        consents=consent.training,
    )


async def _cycles(client: Redis, fates: Any) -> dict[str, Cycle]:
    named = sorted({name for fate in fates for name in _names(fate)})
    found = [await ask_async(client, store.get(name)) for name in named]
    return {cycle.id: cycle for cycle in found if cycle is not None}


def _names(fate: Fate) -> tuple[str, ...]:
    return tuple(name for name in (fate.cycle, fate.first) if name)


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode()
