"""Moves what is old from Redis to the archive.

A unit is old when nothing happened to any part of it for so long: no answer was served, nothing was said. It is
written, read back and compared with its SHA-256 before any of it leaves Redis, so a crash between leaves it in both,
where its ids make it one. A run does a bounded amount; the next one goes on.
"""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from service.archive.folder import BatchName
from service.archive.items import AnswerItem, EntryItem, Item, decode_header, key_of
from service.archive.journal import Journal
from service.archive.live import stream
from service.archive.parquet import Unit
from service.archive.units import read_passages, read_units, take_out
from service.feedback import keys
from service.privacy.forget import run_together

if TYPE_CHECKING:
    from redis import Redis

    from service.archive.archive import Archive

LOCK = "gl:archive:lock"  # string: the token of who archives; expires
DONE = "gl:archive:done"  # string: when a run last came to the end, in ms
LOCK_MS = 120_000
UNITS_A_BATCH = 5_000  # about 20 MB in memory while they are written
UNITS_A_RUN = 50_000
TOGETHER = 50  # scripts in one round trip: what else comes to Redis waits for them, about 5 ms
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Archived:
    """What a run did."""

    answers: int = 0
    judgements: int = 0
    batches: int = 0
    finished: bool = True  # False: there is more, or another process is at it
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Give it as data."""
        return asdict(self)


def move_old(
    client: Redis, archive: Archive, *, after_days: float, interval_s: float = 0.0, most_units: int = UNITS_A_RUN
) -> Archived:
    """Archive what nobody touched for `after_days`.

    Args:
        client: Redis, with `decode_responses=False`.
        archive: Where to.
        after_days: Age by Redis's clock.
        interval_s: Do nothing when a run came to its end less than this ago; 0 always looks.
        most_units: Prompts moved by this run.

    Returns:
        What was moved.

    Raises:
        redis.RedisError: Redis is away; what was written stays and is found again.
        ArchiveDamaged: What was written does not read back; nothing has left Redis.
        StorageFull: The disk is full; nothing has left Redis.
    """
    now_ms, token = _now_ms(client), secrets.token_hex(8)
    last: Any = client.get(DONE)
    if interval_s and last and now_ms - int(last) < interval_s * 1000:
        return Archived(why="not due")
    if not client.set(LOCK, token, nx=True, px=LOCK_MS):
        return Archived(finished=False, why="another process archives")
    answers = judgements = batches = 0
    finished = True
    try:
        archive.refresh()
        made_ms = now_ms
        for units in _old_units(client, now_ms - int(after_days * DAY_MS), most_units):
            for month, of_month in _by_month(units).items():
                if not _renew(client, token):
                    return Archived(answers, judgements, batches, finished=False, why="it took too long")
                made_ms = max(made_ms + 1, int(time.time() * 1000))
                archive.add(BatchName(made_ms, 0, month), of_month, read_passages(client, of_month))
                batches += 1
                for unit in _taken_out(client, of_month):
                    answers += len(unit.answers)
                    judgements += len(unit.entries)
            most_units -= len(units)
            finished = most_units > 0
        if finished:
            client.set(DONE, now_ms)
    finally:
        if client.get(LOCK) == token.encode():
            client.delete(LOCK)
    return Archived(answers, judgements, batches, finished, "" if finished else "there is more")


def trim_journal(client: Redis, journal: Journal, archive: Archive, *, after_days: float) -> int:
    """Take out of the journal what the archive holds and Redis holds no more; whole old segments at a time.

    Args:
        client: Redis.
        journal: The journal; segments whose end is younger than `after_days` are left alone.
        archive: What it holds.
        after_days: As for `move_old`.

    Returns:
        How many items went.
    """
    cutoff_ms = _now_ms(client) - int(after_days * DAY_MS)
    gone = 0
    for path in journal.segments()[:-1]:  # the last mark must stay
        newest, answers, entries = journal.summary(path)
        if newest >= cutoff_ms:
            continue
        out = archive.holds_answers(sorted(answers)) - _there(client, sorted(answers))
        gone += journal.rewrite(_but_for(out, archive.holds_entries(sorted(entries))), only=[path])
    return gone


def _but_for(answers: set[str], entries: set[str]) -> Callable[[Item], bool]:
    def keep(item: Item) -> bool:
        if isinstance(item, AnswerItem):
            return item.answer_id not in answers
        return not isinstance(item, EntryItem) or item.entry_id not in entries

    return keep


def _old_units(client: Redis, cutoff_ms: int, most: int) -> Iterator[list[Unit]]:
    """Give old units in pieces, walking the answers from the oldest; each unit when its last answer is met."""
    seen: dict[str, str] = {}
    ready: list[Unit] = []
    given = 0
    for piece in stream(client, keys.ANSWERS, "-", str(cutoff_ms)):
        names = {fields[b"a"].decode(): entry_id.decode() for entry_id, fields in piece}
        seen |= names
        ready += [unit for unit in read_units(client, _prompts_of(client, list(names)), seen) if _old(unit, cutoff_ms)]
        while ready and (len(ready) >= UNITS_A_BATCH or given + len(ready) >= most):
            part, ready = ready[: min(UNITS_A_BATCH, most - given)], ready[min(UNITS_A_BATCH, most - given) :]
            given += len(part)
            yield part
            if given >= most:
                return
    if ready:
        yield ready


def _taken_out(client: Redis, units: Sequence[Unit]) -> Iterator[Unit]:
    """Take units out, some in one round trip and one flush; gives those that are out."""
    for first in range(0, len(units), TOGETHER):
        part = units[first : first + TOGETHER]
        for unit, out in zip(part, run_together(client, [take_out(unit) for unit in part]), strict=True):
            if out:
                yield unit


def _old(unit: Unit, cutoff_ms: int) -> bool:
    said = [one.value.partition(" ")[0] for one in unit.standing]
    served = [item.entry_id for item in unit.answers]
    return all(key_of(entry_id)[0] <= cutoff_ms for entry_id in (*said, *served))


def _prompts_of(client: Redis, answer_ids: Sequence[str]) -> list[str]:
    with client.pipeline(transaction=False) as pipeline:
        for answer_id in answer_ids:
            pipeline.get(keys.answer(answer_id))
        payloads: list[Any] = pipeline.execute()
    return list(dict.fromkeys(str(decode_header(payload)["prompt"]) for payload in payloads if payload))


def _by_month(units: Sequence[Unit]) -> dict[str, list[Unit]]:
    months: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        months[f"{datetime.fromtimestamp(unit.first_ms / 1000, UTC):%Y-%m}"].append(unit)
    return months


def _renew(client: Redis, token: str) -> bool:
    if client.get(LOCK) != token.encode():
        return False
    client.pexpire(LOCK, LOCK_MS)
    return True


def _there(client: Redis, answer_ids: Sequence[str]) -> set[str]:
    with client.pipeline(transaction=False) as pipeline:
        for name in answer_ids:
            pipeline.exists(keys.answer(name))
        found: list[Any] = pipeline.execute()
    return {name for name, exists in zip(answer_ids, found, strict=True) if exists}


def _now_ms(client: Redis) -> int:
    parts: Any = client.time()
    return int(parts[0]) * 1000 + int(parts[1]) // 1000
