"""Counting judgements as they come, and starting cycles when there are enough."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from redis.asyncio import Redis

from retrieval.catalog import Catalog
from service.cycles import keys, store
from service.cycles.schedule import check
from service.cycles.snapshot import write_snapshot
from service.cycles.tally import Counted, catch_up, counted
from service.feedback.records import Vote
from service.redis.calls import ask_async
from service.scopes import NAMED, SHARED
from service.settings import Settings
from tests.service.cycles.filling import DOWN, Log, fill_log
from tests.service.feedback.samples import make_prompt


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(home=tmp_path / "home", redis_url=redis_url, train_min_judgements=10, train_min_new=5)


def test_what_counts_is_counted_once_by_scope_and_segment(settings: Settings) -> None:
    with closing(Catalog.open(settings.home)) as catalog:
        closed = catalog.create_collection("hr", embedding_model="hashing", readers=frozenset({"group:hr"}))
    readers = {closed.collection_id: closed.readers}
    seen: list[dict[str, Counted]] = []

    async def fill(log: Log) -> None:
        async def look() -> None:
            await catch_up(log.client, readers, {"key:bad"})
            seen.append(await counted(log.client))

        answers = [await log.answer(f"text {n}") for n in range(4)]
        for number, answer in enumerate(answers):
            await log.vote(answer, voter=f"key:{number % 3}")
        await log.vote(await log.answer("mine", consent=False))
        await log.vote(await log.answer("bad"), voter="key:bad")
        own = {"collections": (closed.collection_id,)}
        await log.vote(await log.answer("named", **own, attributes={NAMED: closed.collection_id}))
        await log.vote(await log.answer("unnamed", **own))
        await look()
        await look()
        await log.vote(answers[0], DOWN, voter="key:0")  # another opinion, not one more
        await log.vote(answers[1], Vote(), voter="key:1")
        await log.vote(answers[2], Vote(), voter="key:2")
        await log.vote(answers[2], DOWN, voter="key:2")  # withdrawn, then said again
        await look()
        prompt = make_prompt(question="No segment?", segment=None, collections=())
        await log.vote(await log.answer("apart", prompt=prompt), voter="key:9")
        await look()

    fill_log(settings, fill)

    own = f"collection:{closed.collection_id}"
    first = {"shared": Counted(4, 3), "segment:en": Counted(4, 3), own: Counted(1, 1)}
    assert seen[:2] == [first, first]
    assert seen[2] == first | {"shared": Counted(3, 3), "segment:en": Counted(3, 3)}
    assert seen[3] == first | {"shared": Counted(4, 4), "segment:en": Counted(3, 3)}


def test_two_looks_at_once_count_each_judgement_once(settings: Settings) -> None:
    async def fill(log: Log) -> None:
        for n in range(30):
            await log.vote(await log.answer(f"text {n}"))
        assert settings.redis_url is not None
        async with Redis.from_url(settings.redis_url.get_secret_value()) as other:
            await asyncio.gather(*(catch_up(client, {}, ()) for client in (log.client, other, log.client)))
        await catch_up(log.client, {}, ())
        assert (await counted(log.client))["shared"] == Counted(30, 1)

    fill_log(settings, fill)


def test_a_cycle_starts_when_it_is_due_and_the_next_one_counts_from_its_snapshot(settings: Settings) -> None:
    rings: list[str] = []

    def look() -> tuple[str, ...]:
        return check(settings, lambda: rings.append("ring")).started

    async def few(log: Log) -> None:
        for n in range(9):
            await log.vote(await log.answer(f"text {n}"), voter=f"key:{n}")

    async def more(log: Log) -> None:
        await log.vote(await log.answer("one more"), voter="key:more")

    async def later(log: Log) -> None:
        for n in range(4):
            await log.vote(await log.answer(f"later {n}"), voter=f"key:{n}")

    async def end(log: Log) -> None:
        await log.client.hset(keys.cycle(cycle_id), mapping={"state": "refused", "created_at": "1"})
        await log.client.hdel(keys.OPEN, "shared")

    fill_log(settings, few)
    assert look() == ()
    assert check(settings, rings.clear).scopes[0].told == "waiting: 9 of 10 judgements"
    fill_log(settings, more)
    (cycle_id,) = look()
    assert rings == ["ring"]
    assert look() == ()  # it is not finished
    info = write_snapshot(settings, SHARED, settings.home / "training" / cycle_id)
    assert info.records == 10
    fill_log(settings, end)
    fill_log(settings, later)
    plan = check(settings, rings.clear)
    assert (plan.started, plan.scopes[0].told) == ((), "waiting: 4 of 5 new ones")
    fill_log(settings, more)
    fill_log(settings, more)

    assert check(settings.model_copy(update={"learn": False}), rings.clear).started == ()
    (second,) = look()

    async def told(log: Log) -> None:
        row = await ask_async(log.client, store.get(second))
        assert row is not None
        assert (row.trigger, row.reason) == ("schedule", "16 judgements of 10 voters, 6 of them new")

    fill_log(settings, told)
