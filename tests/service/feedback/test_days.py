"""Counts by day: whatever people say in whatever order, they hold what stands, and counting anew finds the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import redis
from hypothesis import given, settings
from hypothesis import strategies as some
from redis.asyncio import Redis

from service.feedback import keys
from service.feedback.answers import AnswerStore
from service.feedback.days import Day, last_days
from service.feedback.log import FeedbackLog
from service.feedback.records import WITHDRAWN, Preference, Vote
from service.feedback.recount import LOCK, recount
from service.redis.server import RedisServer
from tests.service.feedback.conftest import Run, Stores
from tests.service.feedback.samples import make_prompt, make_record

VOTES = (Vote("up"), Vote("down"), Vote("up", comment="Yes."), Vote(correction="No."), Vote())
VOTERS = ("key:a", "key:b")
votes = some.tuples(some.just("vote"), some.integers(0, 1), some.sampled_from(VOTES), some.sampled_from(VOTERS))
preferences = some.tuples(
    some.just("prefer"), some.just(0), some.sampled_from(("first", "tie", WITHDRAWN)), some.sampled_from(VOTERS)
)


async def say(url: str, said: list[tuple[str, int, Any, str]]) -> tuple[Day, Counter[str]]:
    """Record two answers, judge them, and give today's figures beside what stands."""
    async with Redis.from_url(url) as client:
        answers, log = AnswerStore(client), FeedbackLog(client)
        pair = [make_record(text, prompt=make_prompt(question="Pair?")) for text in ("A", "B")]
        await answers.record_all(pair)
        ids = tuple(record.answer_id for record in pair)
        stands: dict[tuple[str, int, str], str] = {}
        entries: dict[str, str] = {}
        for kind, place, what, voter in said:
            if kind == "vote":
                await log.vote(ids[place], what, voter=voter, allowed=True)
                stands[kind, place, voter] = what.stated
            elif what == WITHDRAWN:
                if voter in entries:
                    await log.withdraw((await log.read([entries.pop(voter)]))[0])
                    stands[kind, place, voter] = WITHDRAWN
            else:
                ranks = (1, 2) if what == "first" else (1, 1)
                recorded = await log.prefer(Preference(ids, what, ranks), voter=voter, allowed=True)
                assert recorded.entry_id is not None
                entries[voter] = recorded.entry_id
                stands[kind, place, voter] = "preferences"
        return (await last_days(client))[-1], Counter(stands.values())


@settings(max_examples=25, deadline=None)
@given(said=some.lists(some.one_of(votes, preferences), max_size=12))
def test_what_stands_is_counted_and_counted_anew(redis_server: RedisServer, said: list[Any]) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
        today, stands = asyncio.run(say(redis_server.url, said))
        assert today.answers == 2
        assert (today.up, today.down) == (stands["up"], stands["down"])
        assert today.preferences == stands["preferences"]
        counted = {field: number for field, number in client.hgetall(keys.DAYS).items() if number != b"0"}
        recount(client)
        assert client.hgetall(keys.DAYS) == counted
        assert not client.exists(LOCK)


def test_thirty_days_oldest_first(run: Run[Any]) -> None:
    async def scenario(stores: Stores) -> None:
        seconds, _ = await stores.client.time()
        today = seconds // 86_400
        await stores.client.hset(
            keys.DAYS, mapping={f"{today - 29} up": 3, f"{today - 30} up": 5, f"{today} down": 2, f"{today} up": -1}
        )
        days = await last_days(stores.client)
        assert len(days) == 30
        assert [(day.up, day.down) for day in (days[0], days[-1])] == [(3, 0), (0, 2)]
        assert [
            after.day.toordinal() - before.day.toordinal() for before, after in zip(days, days[1:], strict=False)
        ] == [1] * 29
        assert days[-1].day.toordinal() - 719_163 == today

    run(scenario)


def test_a_thumb_moves_to_the_day_of_the_last_word(run: Run[Any]) -> None:
    """An entry's day is its id's: here one of two days ago is replaced today."""

    async def scenario(stores: Stores) -> None:
        record = make_record()
        await stores.answers.record(record)
        seconds, _ = await stores.client.time()
        old = f"{(seconds - 2 * 86_400) * 1000}-0"
        said: Any = {
            "k": "vote",
            "a": record.answer_id,
            "q": record.prompt_id,
            "u": record.user,
            "v": "base-1",
            "s": "",
        }
        said |= {"r": "up", "c": "1", "p": "", "d": "{}"}
        await stores.client.xadd(keys.FEEDBACK, said, id=old)
        await stores.client.hset(keys.votes(record.answer_id), record.user, f"{old} digest")
        await stores.client.hset(keys.DAYS, f"{seconds // 86_400 - 2} up", 1)
        await stores.log.vote(record.answer_id, Vote("down"), voter=record.user)
        days = await last_days(stores.client)
        assert [(day.up, day.down) for day in (days[-3], days[-1])] == [(0, 0), (0, 1)]

    run(scenario)
