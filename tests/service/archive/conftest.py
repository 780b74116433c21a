"""A record in Redis to copy, and what it looks like."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.asyncio import Redis as AsyncRedis

from service.feedback.answers import AnswerRecord, AnswerStore
from service.feedback.export import FeedbackExport
from service.feedback.log import FeedbackLog
from service.feedback.records import Preference, Vote
from tests.service.feedback.samples import make_passage, make_prompt, make_record

ME, OTHER = "key:asker", "key:other"


@dataclass
class Record:
    """What was recorded."""

    alone: AnswerRecord
    pair: tuple[AnswerRecord, AnswerRecord]
    others: AnswerRecord

    @property
    def all(self) -> list[AnswerRecord]:
        """Every answer."""
        return [self.alone, *self.pair, self.others]


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Give a blocking client of an emptied Redis."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


def say_things(url: str, number: int = 0) -> Record:
    """Record four answers to three prompts, two of one user, and judge them, minds changed and votes withdrawn."""
    shared = make_passage(2, "chk_8", text="With soap.", title="")
    pair = tuple(make_record(text, prompt=make_prompt(question=f"Pair {number}?")) for text in ("A", "B"))
    record = Record(
        make_record("Alone", prompt=make_prompt(question=f"Alone {number}?", passages=(make_passage(), shared))),
        (pair[0], pair[1]),
        make_record("Other", user=OTHER, prompt=make_prompt(question=f"Other {number}?", passages=(shared,))),
    )

    async def scenario() -> None:
        async with AsyncRedis.from_url(url) as client:
            answers, log = AnswerStore(client), FeedbackLog(client)
            await answers.record(record.alone)
            await answers.record_all(record.pair)
            await answers.record(record.others)
            await log.vote(record.alone.answer_id, Vote("down", comment="No ☂"), voter=ME)
            await log.vote(record.alone.answer_id, Vote("up", {"helpful": 4}), voter=ME)
            await log.vote(record.alone.answer_id, Vote("down", correction="Yes."), voter=OTHER, allowed=True)
            await log.vote(record.others.answer_id, Vote("up"), voter=OTHER)
            await log.vote(record.others.answer_id, Vote(), voter=OTHER)
            ids = tuple(one.answer_id for one in record.pair)
            await log.prefer(Preference(ids, "first", (1, 2)), voter=ME)
            await log.prefer(Preference(ids, "second", (2, 1)), voter=ME)

    asyncio.run(scenario())
    return record


def record_keys(client: redis.Redis) -> dict[str, Any]:
    """Give everything that the record keeps in Redis, key by key."""
    held: dict[str, Any] = {}
    for key in sorted(client.scan_iter("gl:*")):
        name = key.decode()
        if name.startswith(("gl:rate:", "gl:journals", "gl:archive:", "gl:doomed")):
            continue
        kind = client.type(key).decode()
        if kind == "stream":
            held[name] = client.xrange(key)
        elif kind == "hash":
            held[name] = client.hgetall(key)
        elif kind == "list":
            held[name] = client.lrange(key, 0, -1)
        elif kind == "zset":
            held[name] = client.zrange(key, 0, -1, withscores=True)
        elif kind == "set":
            held[name] = sorted(client.smembers(key))
        else:
            held[name] = client.get(key)
    return held


def exported(url: str, archive: Any = None, **bounds: float) -> list[dict[str, Any]]:
    """Export every record."""

    async def scenario() -> list[dict[str, Any]]:
        async with AsyncRedis.from_url(url) as client:
            log, answers = FeedbackLog(client), AnswerStore(client)
            if archive is not None:
                log, answers = FeedbackLog(client, archive), AnswerStore(client, archive)
            export = FeedbackExport(log, answers)
            return [row async for batch in export.batches("records", **bounds) for row in batch]

    return asyncio.run(scenario())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder that does not exist yet."""
    return tmp_path / "journal"
