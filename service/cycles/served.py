"""A sample of what was served, judged or not: prompts for the gate to ask, and who votes at all (propensities).

The newest answers are looked at, and of them those whose ids have the smallest hashes are taken, so that the same log
gives the same sample. What may not be learned from is not in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from heapq import nsmallest
from typing import Any

from redis.asyncio import Redis

from service.cycles.reading import Rules, scope_of
from service.feedback import keys
from service.feedback.answers import AnswerRecord, AnswerStore
from service.privacy.consent import Consent, Consents, allowed
from service.privacy.redact import Redactor
from service.scopes import learns

LOOKED_AT = 20_000  # answers; the newest
TAKEN = 2_000  # of them: more than the gate can ask
BATCH = 200
Row = dict[str, Any]


async def sample_served(
    client: Redis,
    answers: AnswerStore,
    consents: Consents,
    rules: Rules,
    since: float,
    take: Callable[[Sequence[Row]], None],
) -> int:
    """Sample what was served.

    Args:
        client: Of the log.
        answers: Of the same.
        consents: Of those who asked.
        rules: Who may learn from what.
        since: Nothing older is taken, in seconds since the epoch.
        take: Is given the rows, some at a time; the order of the ids decides.

    Returns:
        How many rows there were.
    """
    names = await _newest(client, since)
    chosen = sorted(nsmallest(TAKEN, names, key=_draw), key=_draw)
    taken = 0
    for first in range(0, len(chosen), BATCH):
        piece = chosen[first : first + BATCH]
        found = await answers.get_many(piece)
        known = await consents.of(record.user for record in found.values())
        usable = [found[name] for name in piece if name in found and _usable(found[name], rules, known)]
        judged = await _judged(client, usable)
        take([served_row(record, seen, rules.redactor) for record, seen in zip(usable, judged, strict=True)])
        taken += len(usable)
    return taken


def served_row(record: AnswerRecord, judged: bool, redactor: Redactor) -> Row:
    """Give a served answer as `training/datasets/impressions.py` reads it."""
    answer = {
        "answer_id": record.answer_id,
        **asdict(record.answer),
        "user": record.user,
        "position": record.position,
        "served_at": record.created_at,
    }
    row, _ = redactor.row({"prompt": asdict(record.prompt), "answers": [answer]})
    return {"judged": judged, "prompt_id": record.prompt_id, "prompt": row["prompt"], "answer": row["answers"][0]}


def _usable(record: AnswerRecord, rules: Rules, consents: Mapping[str, Consent]) -> bool:
    if not record.consent or record.user in rules.excluded or not allowed(consents, record.user):
        return False
    return learns(rules.scope, scope_of(record, rules.readers))


async def _newest(client: Redis, since: float) -> list[str]:
    """Give the ids of the newest answers."""
    names: list[str] = []
    stop, start = "+", str(int(since * 1000))
    while len(names) < LOOKED_AT:
        entries: list[Any] = await client.xrevrange(keys.ANSWERS, stop, start, count=1000) or []
        names += (fields[b"a"].decode() for _, fields in entries)
        if len(entries) < 1000:
            break
        stop = f"({entries[-1][0].decode()}"
    return names[:LOOKED_AT]


async def _judged(client: Redis, records: Sequence[AnswerRecord]) -> list[bool]:
    """Tell for each answer whether anybody judged it, by itself or against others."""
    if not records:
        return []
    async with client.pipeline(transaction=False) as pipeline:
        for record in records:
            pipeline.exists(keys.votes(record.answer_id), keys.preferences(record.prompt_id))
        return [bool(found) for found in await pipeline.execute()]


def _draw(answer_id: str) -> bytes:
    return hashlib.blake2b(answer_id.encode(), digest_size=8).digest()
