"""What a conversation drew on before: its earlier answers hold words of the collections they came from.

A follow-up is asked, recorded and learned from with its history. So it draws on what was searched for it, and on what
the earlier answers in it drew on: those are found among the asker's own recorded answers by their words. An earlier
answer that is not found there - older, or written by the client - may hold anything that the asker may read.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from retrieval.types import Caller
from service.feedback import keys
from service.feedback.codec import decode_answer
from training.citations import is_abstention
from training.citations.markers import strip_markers
from training.datasets.keys import text_key
from training.policy.base import Turn

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from retrieval.catalog import Catalog
    from service.chat.asked import Asked

LOOKED_AT = 100  # of the asker's newest answers
_BATCH = 20
log = logging.getLogger(__name__)


async def inherited(asked: Asked, redis: Redis, catalog: Catalog, *, timeout_s: float) -> frozenset[str]:
    """Give the collections that earlier answers of a conversation drew on.

    Args:
        asked: The request with its history.
        redis: The record of answers; `decode_responses=False`.
        catalog: Says what the asker may read.
        timeout_s: Longest wait for the record.

    Returns:
        Ids of collections; none where nothing was answered before.
    """
    said = {_key(turn.text) for turn in asked.conversation.history if _tells(turn)}
    if not said:
        return frozenset()
    found: dict[str, set[str]] = {}
    try:
        async with asyncio.timeout(timeout_s):
            found = await _drawn_on(redis, asked.principal.identity, said)
    except (RedisError, OSError, TimeoutError) as error:
        log.warning("earlier answers could not be looked up: %s", type(error).__name__)
    names = {name for collections in found.values() for name in collections}
    if said - found.keys():
        names |= await asyncio.to_thread(_restricted, catalog, asked.principal.caller)
    return frozenset(names)


async def _drawn_on(redis: Redis, user: str, said: set[str]) -> dict[str, set[str]]:
    """Give the collections behind each text that is among the user's newest answers."""
    found: dict[str, set[str]] = {}
    for newest in range(0, LOOKED_AT, _BATCH):
        ids: list[Any] = await redis.lrange(keys.user_answers(user), -newest - _BATCH, -newest - 1)
        if not ids:
            break
        payloads: list[Any] = await redis.mget([keys.answer(one.decode()) for one in ids])
        for payload in payloads:
            if payload is not None:
                _, record = decode_answer(payload)
                if (key := _key(record.answer.text)) in said:
                    found.setdefault(key, set()).update(_collections(payload))
        if said <= found.keys() or len(ids) < _BATCH:
            break
    return found


def _restricted(catalog: Catalog, caller: Caller) -> set[str]:
    readable, everybodys = catalog.readable_collections(caller), catalog.readable_collections(Caller())
    return {one.collection_id for one in readable} - {one.collection_id for one in everybodys}


def _collections(payload: bytes) -> Sequence[str]:
    header = json.loads(payload.partition(b"\n")[0])
    found: Iterable[str] = header["collections"]
    return tuple(found)


def _tells(turn: Turn) -> bool:
    return turn.role == "assistant" and bool(turn.text.strip()) and not is_abstention(strip_markers(turn.text))


def _key(text: str) -> str:
    return text_key(strip_markers(text))
