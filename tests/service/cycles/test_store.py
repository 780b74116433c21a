"""The rows of cycles on a real Redis: one claim wins, a stale word changes nothing, nothing is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from redis.asyncio import Redis as AsyncRedis

from service.cycles import keys, store
from service.cycles.cycle import Cycle
from service.redis.calls import ask, ask_async

LEASE_S = 30.0


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def look(client: redis.Redis, cycle_id: str) -> Cycle:
    cycle = ask(client, store.get(cycle_id))
    assert cycle is not None
    return cycle


def running(client: redis.Redis, scope: str = "shared", lease_s: float = LEASE_S) -> tuple[str, int]:
    cycle_id = ask(client, store.create(scope, "schedule")).id
    token = ask(client, store.claim(cycle_id, "worker-1", lease_s))
    assert token is not None
    return cycle_id, token


def expire(client: redis.Redis, cycle_id: str) -> None:
    """Let a lease end now, as Redis's clock sees it."""
    client.hset(keys.cycle(cycle_id), "lease_until", "1")


def test_a_new_cycle_waits_with_what_is_known_of_it(client: redis.Redis) -> None:
    made = ask(client, store.create("segment:north", "operator", reason="an operator asked"))
    cycle = look(client, made.id)
    assert (cycle.scope, cycle.state, cycle.trigger) == ("segment:north", "waiting", "operator")
    assert cycle.reason == "an operator asked"
    assert abs(cycle.created_at - time.time()) < 60
    assert cycle.claimable
    assert not cycle.finished
    assert (cycle.lease, cycle.token, cycle.attempts, cycle.version) == (None, 0, 0, "")


def test_a_scope_has_one_unfinished_cycle(client: redis.Redis) -> None:
    first = ask(client, store.create("shared", "schedule"))
    assert ask(client, store.create("shared", "operator")) == store.Created(first.id, new=False)
    assert ask(client, store.create("segment:north", "schedule")).new
    token = ask(client, store.claim(first.id, "worker", LEASE_S))
    assert not ask(client, store.create("shared", "schedule")).new
    assert ask(client, store.finish(first.id, token or 0, "refused", "no better"))
    assert ask(client, store.create("shared", "schedule")).new


def test_of_eighteen_claims_at_once_one_wins(client: redis.Redis, redis_url: str) -> None:
    cycle_id = ask(client, store.create("shared", "schedule")).id

    def claim(number: int) -> int | None:
        with redis.Redis.from_url(redis_url) as own:
            return ask(own, store.claim(cycle_id, f"worker-{number}", LEASE_S))

    with ThreadPoolExecutor(18) as pool:
        tokens = list(pool.map(claim, range(18)))
    assert sorted(token for token in tokens if token is not None) == [1]
    cycle = look(client, cycle_id)
    assert (cycle.state, cycle.attempts, cycle.token) == ("running", 1, 1)
    assert cycle.lease is not None
    assert cycle.lease.by == f"worker-{tokens.index(1)}"


def test_renewing_keeps_the_lease_and_tells_how_far_it_is(client: redis.Redis) -> None:
    cycle_id, token = running(client)
    expire(client, cycle_id)
    steps = [{"name": "data", "started_at": 1.0, "finished_at": None, "note": ""}]
    kept = store.renew(cycle_id, token, LEASE_S, step="data", progress=0.25, steps=steps, counts={"used": 3})
    assert ask(client, kept) == "kept"
    assert ask(client, store.requeue_expired()) == ()
    cycle = look(client, cycle_id)
    assert (cycle.step, cycle.progress, cycle.steps, cycle.counts) == ("data", 0.25, tuple(steps), {"used": 3})
    assert ask(client, store.unfinished()).lease_age_s() == pytest.approx(0, abs=20)


def test_a_silent_worker_loses_its_cycle_and_can_say_nothing_more(client: redis.Redis) -> None:
    cycle_id, old = running(client)
    expire(client, cycle_id)
    assert ask(client, store.requeue_expired()) == (cycle_id,)
    assert ask(client, store.requeue_expired()) == ()
    cycle = look(client, cycle_id)
    assert (cycle.state, cycle.retrying, cycle.lease) == ("running", True, None)
    assert "worker-1 went silent" in cycle.reason
    assert ask(client, store.renew(cycle_id, old, LEASE_S)) == "lost"
    new = ask(client, store.claim(cycle_id, "worker-2", LEASE_S))
    assert new == old + 1
    assert not ask(client, store.finish(cycle_id, old, "candidate", "late", version="v0001"))
    assert not ask(client, store.release(cycle_id, old, "late"))
    assert ask(client, store.finish(cycle_id, new, "candidate", "better", version="v0001"))
    assert (look(client, cycle_id).state, look(client, cycle_id).reason) == ("candidate", "better")


def test_the_same_end_said_twice_is_one_end(client: redis.Redis) -> None:
    cycle_id, token = running(client)
    for _ in range(2):
        assert ask(client, store.finish(cycle_id, token, "failed", "it broke"))
    assert not ask(client, store.finish(cycle_id, token, "candidate", "but no"))
    assert look(client, cycle_id).state == "failed"
    assert ask(client, store.claim(cycle_id, "worker", LEASE_S)) is None


def test_an_orderly_stop_is_not_a_try(client: redis.Redis) -> None:
    cycle_id, token = running(client)
    assert ask(client, store.release(cycle_id, token, "the worker stops", counts=False))
    assert look(client, cycle_id).attempts == 0
    token = ask(client, store.claim(cycle_id, "worker", LEASE_S)) or 0
    assert ask(client, store.release(cycle_id, token, "it died"))
    assert look(client, cycle_id).attempts == 1
    assert token == 2


def test_during_a_pause_nobody_takes_it(client: redis.Redis) -> None:
    cycle_id, token = running(client)
    assert ask(client, store.release(cycle_id, token, "it died", pause_s=100))
    assert ask(client, store.claim(cycle_id, "worker", LEASE_S)) is None
    client.hset(keys.cycle(cycle_id), "not_before", str(int(time.time() * 1000) + 3_600_000))  # the clock jumped back
    assert ask(client, store.claim(cycle_id, "worker", LEASE_S)) == 2


def test_cancelling(client: redis.Redis) -> None:
    waiting = ask(client, store.create("shared", "schedule")).id
    assert ask(client, store.request_cancel(waiting, "not today")) == "cancelled"
    assert (look(client, waiting).state, look(client, waiting).reason) == ("cancelled", "not today")
    assert ask(client, store.request_cancel(waiting)) == "over"
    assert ask(client, store.request_cancel("cycle_none")) == "missing"
    at_work, token = running(client)
    assert ask(client, store.request_cancel(at_work, "too long")) == "asked"
    assert ask(client, store.renew(at_work, token, LEASE_S)) == "cancelled"
    assert ask(client, store.finish(at_work, token, "cancelled", "too long"))
    assert look(client, at_work).finished


def test_a_cancelled_cycle_whose_worker_died_is_for_the_next_one_to_end(client: redis.Redis) -> None:
    """Its old process may live on and publish; only a worker can shut it out before the row says it is over."""
    cycle_id, token = running(client)
    assert ask(client, store.release(cycle_id, token, "it died", pause_s=300))
    assert ask(client, store.request_cancel(cycle_id, "enough")) == "asked"
    assert ask(client, store.claim(cycle_id, "worker-2", LEASE_S)) == token + 1
    assert look(client, cycle_id).cancel == "enough"


def test_no_lease_outlasts_a_clock_that_jumps_back(client: redis.Redis) -> None:
    cycle_id, _ = running(client)
    far = int(time.time() * 1000) + 3_600_000
    client.hset(keys.cycle(cycle_id), "lease_until", str(far))
    assert ask(client, store.requeue_expired()) == ()
    lease = look(client, cycle_id).lease
    assert lease is not None
    assert lease.until < ask(client, store.unfinished()).now + LEASE_S + 1


def test_what_became_of_a_version(client: redis.Redis) -> None:
    cycle_id, token = running(client)
    ask(client, store.finish(cycle_id, token, "candidate", "passed", version="v0007", verdict={"tier": "trial"}))
    assert ask(client, store.settle("shared", "v0008", "promoted", "?", {})) is None
    assert ask(client, store.settle("segment:x", "v0007", "promoted", "?", {})) is None
    assert ask(client, store.settle("shared", "v0007", "promoted", "live votes", {"n": 90})) == cycle_id
    cycle = ask(client, store.of_version("shared", "v0007"))
    assert cycle == look(client, cycle_id)
    assert cycle is not None
    assert (cycle.state, cycle.reason, cycle.evidence) == ("promoted", "live votes", {"n": 90})
    assert cycle.verdict == {"tier": "trial"}
    assert cycle.settled_at is not None
    assert ask(client, store.settle("shared", "v0007", "rolled_back", "worse", {})) == cycle_id


def test_the_history_is_listed_newest_first_in_pages(client: redis.Redis) -> None:
    made = []
    for number in range(130):
        scope = "segment:odd" if number % 2 else "shared"
        cycle_id, token = running(client, scope)
        ask(client, store.finish(cycle_id, token, "refused", "no"))
        client.zadd(keys.CYCLES, {cycle_id: number})
        made.append(cycle_id)
    first = ask(client, store.newest(60)) or ()
    rest = ask(client, store.newest(100, after=first[-1].id)) or ()
    assert [cycle.id for cycle in (*first, *rest)] == made[::-1]
    odd = ask(client, store.newest(100, scope="segment:odd")) or ()
    assert [cycle.id for cycle in odd] == made[1::2][::-1]
    assert ask(client, store.newest(5, after="cycle_none")) is None


def test_old_cycles_lose_what_is_long_and_keep_what_became_of_them(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "DETAILED", 2)
    waiting = ask(client, store.create("segment:slow", "schedule")).id
    made = []
    for number in range(4):
        cycle_id, token = running(client)
        told = {"verdict": {"n": number}, "counts": {"used": 1}, "steps": [{"name": "data"}]}
        ask(client, store.finish(cycle_id, token, "refused", f"no {number}", **told))
        client.zadd(keys.CYCLES, {cycle_id: number})
        made.append(look(client, cycle_id))
    first, newest = look(client, made[0].id), look(client, made[3].id)
    assert (first.verdict, first.counts, first.steps) == (None, {}, ())
    assert (first.reason, first.state, first.finished_at) == ("no 0", "refused", made[0].finished_at)
    assert newest.verdict == {"n": 3}
    assert look(client, waiting).claimable


def test_a_row_that_is_lost_does_not_keep_its_scope_shut(client: redis.Redis) -> None:
    cycle_id, _ = running(client)
    client.delete(keys.cycle(cycle_id))
    ask(client, store.requeue_expired())
    assert ask(client, store.create("shared", "schedule")).new


async def _through_asyncio(url: str) -> Cycle | None:
    client = AsyncRedis.from_url(url)
    made = await ask_async(client, store.create("shared", "operator"))
    await client.script_flush()
    found = await ask_async(client, store.get(made.id))
    assert [one.id for one in (await ask_async(client, store.unfinished())).cycles] == [made.id]
    await client.aclose()
    return found


def test_the_api_uses_the_same_calls(client: redis.Redis, redis_url: str) -> None:
    seen = asyncio.run(_through_asyncio(redis_url))
    assert seen is not None
    assert look(client, seen.id) == seen
