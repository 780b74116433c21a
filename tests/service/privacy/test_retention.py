"""What is too old goes, what is not stays; a look is bounded, and doubling it does no harm."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.asyncio import Redis

from service.cycles import store as cycles
from service.feedback import keys as feedback
from service.feedback.answers import AnswerStore
from service.privacy import keys, retention
from service.privacy.retention import Retained, retain, rewrite_due
from service.redis.calls import ask
from service.settings import Settings, load_settings
from tests.service.feedback.samples import make_prompt, make_record
from tests.service.privacy.test_erase import make_job
from tests.service.privacy.test_forget import BOB, JANE, fill

DAY_MS = 86_400_000


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Give a blocking client."""
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


def settings(home: Path, redis_url: str, **changes: Any) -> Settings:
    """Give settings that look at once."""
    return load_settings(home=home, redis_url=redis_url, **{"retention_interval_s": 0.001, **changes})


def age(client: redis.Redis, days: float, answer_ids: set[str]) -> None:
    """Make answers look as old as that: their entries are written anew, in the same order."""
    entries: Any = client.xrange(feedback.ANSWERS)
    client.delete(feedback.ANSWERS)
    old = int(time.time() * 1000 - days * DAY_MS)
    moved = [(entry, fields) for entry, fields in entries if fields[b"a"].decode() in answer_ids]
    for number, (_, fields) in enumerate(moved):
        client.xadd(feedback.ANSWERS, fields, id=f"{old}-{number}")
    for entry, fields in entries:
        if fields[b"a"].decode() not in answer_ids:
            client.xadd(feedback.ANSWERS, fields, id=entry)


def test_without_a_limit_everything_stays(client: redis.Redis, redis_url: str, tmp_path: Path) -> None:
    made = fill(redis_url)
    age(client, 4000, {record.answer_id for record in made.values()})
    before = sorted(client.keys("gl:[^r]*"))
    assert retain(settings(tmp_path, redis_url)) == Retained()
    assert sorted(client.keys("gl:[^r]*")) == before


def test_old_answers_go_with_what_was_said_and_young_ones_stay(
    client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    made = fill(redis_url)
    age(client, 31, {made["j1"].answer_id, made["j2"].answer_id})
    looked = retain(settings(tmp_path, redis_url, retention_days=30))
    assert (looked.answers, looked.judgements, looked.passages, looked.finished) == (2, 4, 1, True)
    assert (client.get(keys.gone(made["j1"].answer_id)) or b"").startswith(b"retired ")
    assert client.exists(feedback.answer(made["b1"].answer_id))
    assert client.llen(feedback.voter(JANE)) == 2
    assert client.llen(feedback.user_answers(BOB)) == 2
    assert client.exists(keys.REWRITE)
    assert retain(settings(tmp_path, redis_url, retention_days=30)).answers == 0


def test_a_look_is_bounded_and_the_next_one_goes_on(
    client: redis.Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> set[str]:
        async with Redis.from_url(redis_url) as opened:
            records = [make_record(prompt=make_prompt(question=str(n))) for n in range(7)]
            for record in records:
                await AnswerStore(opened).record(record)
            return {record.answer_id for record in records}

    age(client, 31, asyncio.run(scenario()))
    monkeypatch.setattr(retention, "ANSWERS_A_LOOK", 3)
    monkeypatch.setattr(retention, "PIECE", 3)
    chosen = settings(tmp_path, redis_url, retention_days=30, retention_interval_s=3600)
    looks = [retain(chosen) for _ in range(4)]
    assert [look.answers for look in looks] == [3, 3, 1, 0]
    assert [look.finished for look in looks] == [False, False, True, False]  # the last was not due


def test_it_looks_no_more_often_than_set_and_only_one_at_a_time(
    client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    chosen = settings(tmp_path, redis_url, retention_interval_s=3600)
    assert retain(chosen).finished
    assert not retain(chosen).finished
    client.hset(keys.RETAINED, "at", 1)
    assert retain(chosen).finished
    client.hset(keys.RETAINED, mapping={"at": 1, "until": 10**15, "by": "another"})
    assert not retain(chosen).finished
    assert client.hget(keys.RETAINED, "by") == b"another"


def test_folders_of_finished_jobs_go_by_age(client: redis.Redis, redis_url: str, tmp_path: Path) -> None:
    chosen = settings(tmp_path, redis_url, training_keep_days=10)
    made = {}
    for scope in ("shared", "segment:a", "segment:b"):
        created = ask(client, cycles.create(scope, "schedule"))
        made[scope] = make_job(chosen, created.id, JANE)
        if scope != "segment:b":
            assert ask(client, cycles.request_cancel(created.id)) == "cancelled"
    client.hset(f"gl:cycle:{made['shared'].name}", "finished_at", int(time.time() * 1000 - 11 * DAY_MS))
    by_hand, new_by_hand = make_job(chosen, "mine", BOB), make_job(chosen, "mine-too", BOB)
    for path in (*by_hand.iterdir(), by_hand):
        os.utime(path, (1, 1))
    assert retain(chosen).jobs == 2
    assert not made["shared"].exists()
    assert not by_hand.exists()
    assert made["segment:a"].is_dir()
    assert made["segment:b"].is_dir()
    assert new_by_hand.is_dir()
    assert len(client.keys(keys.learned("*"))) == 2  # who was in them is still known, by pseudonym
    assert retain(chosen).jobs == 0


def test_redis_s_file_is_rewritten_within_a_day(client: redis.Redis, redis_url: str, tmp_path: Path) -> None:
    now = int(time.time() * 1000)
    assert not rewrite_due(client)
    client.set(keys.REWRITE, now)
    assert not rewrite_due(client)
    client.set(keys.REWRITE, now - DAY_MS)
    assert retain(settings(tmp_path, redis_url)).rewritten
    assert not client.exists(keys.REWRITE)
    assert int(client.get(keys.REWRITTEN) or 0) >= now - 60_000  # type: ignore[arg-type]
    assert not rewrite_due(client)
