"""Calls that travel together: each gets its own reply or error, whatever happens to the others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis import exceptions as errors
from redis.asyncio import Redis

from service.feedback.errors import AnswerNotFound
from service.feedback.log import FeedbackLog, Recorded
from service.feedback.records import Vote
from tests.service.feedback.conftest import Run, Stores
from tests.service.feedback.samples import make_record


def test_each_caller_gets_its_own_outcome(run: Run[Any]) -> None:
    async def scenario(stores: Stores) -> None:
        records = [make_record(str(i)) for i in range(100)]
        await stores.answers.record_all(records)
        ids = [record.answer_id if i % 3 else f"ans_{i}" for i, record in enumerate(records)]
        done = await asyncio.gather(
            *(stores.log.vote(answer_id, Vote("up"), voter="key:asker") for answer_id in ids), return_exceptions=True
        )
        for i, outcome in enumerate(done):
            assert isinstance(outcome, Recorded if i % 3 else AnswerNotFound)
        entries = await stores.log.range("-", "+", count=200)
        by_answer = {entry.answers[0]: entry.entry_id for entry in entries}
        assert by_answer == {ids[i]: done[i].entry_id for i in range(100) if i % 3}  # type: ignore[union-attr]

    run(scenario)


def test_a_redis_that_forgot_the_scripts_is_sent_them_again(run: Run[Any]) -> None:
    async def scenario(stores: Stores) -> None:
        record = make_record()
        await stores.client.script_flush()
        await stores.answers.record(record)
        assert (await stores.log.vote(record.answer_id, Vote("up"), voter="key:asker")).changed
        await stores.client.script_flush()
        votes = [stores.log.vote(record.answer_id, Vote("down"), voter="key:asker") for _ in range(5)]
        assert sum(recorded.changed for recorded in await asyncio.gather(*votes)) == 1

    run(scenario)


def test_a_caller_who_leaves_takes_nobody_along(run: Run[Any]) -> None:
    async def scenario(stores: Stores) -> None:
        records = [make_record(str(i)) for i in range(3)]
        await stores.answers.record_all(records)
        tasks = [
            asyncio.create_task(stores.log.vote(record.answer_id, Vote("up"), voter="key:asker")) for record in records
        ]
        await asyncio.sleep(0)
        tasks[0].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(done[0], asyncio.CancelledError)
        assert all(isinstance(outcome, Recorded) for outcome in done[1:])

    run(scenario)


def test_without_redis_everyone_is_told() -> None:
    async def scenario() -> None:
        async with Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.5) as client:
            log = FeedbackLog(client)
            votes = [log.vote("ans_x", Vote("up"), voter="key:asker") for _ in range(5)]
            done = await asyncio.gather(*votes, return_exceptions=True)
            assert all(isinstance(outcome, errors.ConnectionError) for outcome in done)
            with pytest.raises(errors.ConnectionError):  # and the next caller too
                await log.vote("ans_x", Vote("up"), voter="key:asker")

    asyncio.run(scenario())
