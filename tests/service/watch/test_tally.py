"""What versions serve, counted in the process and added up in Redis."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis

from service.watch import keys
from service.watch.served import read_served, since
from service.watch.tally import Tally, count_exchange
from training.watch.guards import BUCKETS, Served, bucket_of


def test_what_was_served_is_added_up_and_read_back(redis_url: str) -> None:
    async def serve() -> None:
        async with Redis.from_url(redis_url) as client:
            for _ in range(2):  # two processes
                tally = Tally(client)
                count_exchange(tally, [("old", "champion")], [False], failed=False, took_s=0.02)
                count_exchange(tally, [("old", "champion")], [True], failed=False, took_s=3.0)
                count_exchange(tally, [("new", "candidate")], [], failed=True, took_s=None)
                count_exchange(
                    tally, [("new", "candidate"), ("old", "champion")], [False, False], failed=False, took_s=9
                )
                count_exchange(tally, [("old", "pinned")], [False], failed=False, took_s=0.02)
                await tally.flush()
                await tally.flush()

    asyncio.run(serve())
    import redis

    with redis.Redis.from_url(redis_url) as client:
        old, new = read_served(client, "old"), read_served(client, "new")
    assert (old.counts, new.counts) == ((6, 2, 0), (2, 0, 2))
    assert sum(old.seconds) == 4  # of a pair nobody knows who took how long
    assert old.seconds[bucket_of(0.02)] == 2
    assert sum(new.seconds) == 0


def test_since_counts_from_where_the_trial_began_also_after_a_loss(redis_url: str) -> None:
    import redis

    with redis.Redis.from_url(redis_url) as client:
        client.hset(keys.served("v"), mapping={"answers": 10, "abstained": 4})
        before = read_served(client, "v").as_list()
        client.hset(keys.served("v"), mapping={"answers": 15, "abstained": 1})
        found = since(read_served(client, "v"), before)
    assert found == Served(5, 0, 0, (0,) * (len(BUCKETS) + 1))


def test_while_redis_is_away_counts_wait_and_stay_few(redis_url: str) -> None:
    async def serve() -> tuple[Any, int]:
        away = Redis.from_url("redis://127.0.0.1:1/0")
        tally = Tally(away)
        for at in range(1000):
            tally.answered(f"v{at}", abstained=False, seconds=0.01)
        await tally.flush()
        await tally.flush()
        kept = len(tally._counts)
        await away.aclose()
        async with Redis.from_url(redis_url) as client:
            tally._client = client
            await tally.flush()
            return await client.hget(keys.served("v0"), "answers"), kept  # type: ignore[misc]

    assert asyncio.run(serve()) == (b"1", 64)
