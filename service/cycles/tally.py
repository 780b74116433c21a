"""How many judgements each scope has, counted as they come: each entry of the log is looked at once, whoever asks.

What is counted is what may be learned from by consent, exclusion and scope, and was not withdrawn since. It is an
estimate: what is erased, excluded or too old later still counts here, until the next snapshot counts exactly. Voters
are counted without their names (HyperLogLog, an error below 1 %).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from redis.asyncio import Redis

from service.cycles import keys
from service.cycles.reading import scope_of
from service.feedback import keys as feedback_keys
from service.feedback.answers import AnswerStore
from service.feedback.log import FeedbackLog
from service.feedback.records import WITHDRAWN, Entry
from service.redis.calls import Call, ask_async, script
from service.scopes import SHARED, Readers, Scope, is_open

BATCH = 500
MOST_ENTRIES = 20_000  # of one look; the next one goes on
_HEADER_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Counted:
    """Judgements of one scope."""

    judgements: int = 0
    voters: int = 0


@dataclass(frozen=True, slots=True)
class Base:
    """What the newest snapshot of a scope found, against which new judgements are counted."""

    last_id: str  # newest entry that it read
    counted: int  # by the tally at that time
    records: int  # that it really holds of the scope's own
    since: float = 0.0  # seconds since the epoch: what is older was too old for it


async def catch_up(client: Redis, readers: Readers, excluded: Collection[str]) -> None:
    """Count what was said since the last look; with others at the same time each entry is still counted once.

    Args:
        client: Of the log; `decode_responses=False`.
        readers: Access lists of all collections.
        excluded: Voters who do not count.
    """
    log, answers = FeedbackLog(client), AnswerStore(client)
    for _ in range(MOST_ENTRIES // BATCH):
        at = (await client.hget(keys.TALLY, "") or b"").decode()  # type: ignore[union-attr]
        entries = await log.range(f"({at}" if at else "-", "+", count=BATCH)
        if not entries:
            return
        owners = await _owners(client, answers, entries, readers)
        before = {entry.entry_id: entry for entry in await log.read([e.replaces for e in entries if e.replaces])}
        differences, voters = difference(entries, before, owners, excluded)
        for scope, names in voters.items():
            await client.pfadd(keys.scope_voters(scope), *sorted(names))
        if not await ask_async(client, _add(at, entries[-1].entry_id, differences)):
            return  # somebody else is at it


async def counted(client: Redis) -> dict[str, Counted]:
    """Give what was counted so far, by scope."""
    found: Any = await client.hgetall(keys.TALLY)
    scopes = {name.decode(): int(count) for name, count in found.items() if name}
    async with client.pipeline(transaction=False) as pipeline:
        for scope in scopes:
            pipeline.pfcount(keys.scope_voters(scope))
        voters = await pipeline.execute()
    return {
        scope: Counted(max(count, 0), number) for (scope, count), number in zip(scopes.items(), voters, strict=True)
    }


async def bases(client: Redis) -> dict[str, Base]:
    """Give what the newest snapshots found, by scope."""
    found: Any = await client.hgetall(keys.BASES)
    return {scope.decode(): Base(**json.loads(value)) for scope, value in found.items()}


async def mark(client: Redis, scope: Scope, found: Base) -> None:
    """Remember what a snapshot found; the same snapshot again changes nothing."""
    await client.hset(keys.BASES, str(scope), json.dumps(asdict(found)))


def difference(
    entries: Sequence[Entry],
    before: Mapping[str, Entry],
    owners: Mapping[str, Scope | None],
    excluded: Collection[str],
) -> tuple[Counter[str], dict[str, set[str]]]:
    """Count entries by scope, those of a segment also for the segment.

    Args:
        entries: In the order of the log.
        before: What some of them replace, by id; erased ones are missing.
        owners: Who may learn from an entry, by its id.
        excluded: Voters who do not count.

    Returns:
        The change of each scope's number, and who judged.
    """
    changes: Counter[str] = Counter()
    voters: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if not entry.consent or entry.voter in excluded:
            continue
        replaced = before.get(entry.replaces or "")
        stood = replaced is not None and replaced.stated != WITHDRAWN
        change = (entry.stated != WITHDRAWN) - stood
        for scope in _scopes(owners.get(entry.entry_id), entry.segment):
            changes[scope] += change
            if change > 0:
                voters[scope].add(entry.voter)
    return changes, voters


def _scopes(owner: Scope | None, segment: str | None) -> Iterator[str]:
    if owner is None:
        return
    yield str(owner)
    if owner == SHARED and segment:
        try:
            yield str(Scope("segment", segment))
        except ValueError:
            return  # no adapter can be named after it


async def _owners(
    client: Redis, answers: AnswerStore, entries: Sequence[Entry], readers: Readers
) -> dict[str, Scope | None]:
    """Say who may learn from each entry; most need only the first line of their answer."""
    async with client.pipeline(transaction=False) as pipeline:
        for entry in entries:
            pipeline.getrange(feedback_keys.answer(entry.answers[0]), 0, _HEADER_BYTES - 1)
        heads = await pipeline.execute()
    owners: dict[str, Scope | None] = {}
    unclear: list[Entry] = []
    for entry, head in zip(entries, heads, strict=True):
        line, whole, _ = head.partition(b"\n")
        if not head:
            owners[entry.entry_id] = None  # erased
        elif whole and all(is_open(one, readers) for one in json.loads(line)["collections"]):
            owners[entry.entry_id] = SHARED
        else:
            unclear.append(entry)
    found = await answers.get_many(sorted({entry.answers[0] for entry in unclear}))
    for entry in unclear:
        record = found.get(entry.answers[0])
        owners[entry.entry_id] = None if record is None else scope_of(record, readers)
    return owners


def _add(at: str, upto: str, changes: Mapping[str, int]) -> Call[bool]:
    given = [part for scope, change in sorted(changes.items()) for part in (scope, change)]
    return Call(script("service.cycles", "tally"), [keys.TALLY], [at, upto, *given], bool)
