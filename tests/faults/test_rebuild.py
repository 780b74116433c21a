"""Redis emptied under load: everything that the journal had reached comes back, and the next vote works."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from service.archive.journal import Journal
from service.archive.move import move_old
from service.archive.places import open_archive
from service.archive.tail import lag_s
from service.redis.server import RedisServer
from tests.faults.vote_load import Voters, check_nothing_lost, record_answers
from tests.service.http_world import LiveServer, light_settings, running, wait_until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]

ROUNDS = 3
VOTERS = 4
PATIENCE_S = 150.0
BOUND_S = 1.0  # what docs/archive-and-backup.md promises of the journal


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "home")
    server.start()
    yield server
    server.stop()


def _follows(live: LiveServer, client: redis.Redis) -> bool:
    tail = live.container.journal
    return tail is not None and tail.position is not None and lag_s(client, tail.position) == 0


def _asked(live: LiveServer, question: str, n: int = 1) -> list[str]:
    body = {"model": "groundloop", "messages": [{"role": "user", "content": question}], "n": n}
    with live.http("user") as client:
        reply = client.post("/v1/chat/completions", json=body)
        assert reply.status_code == 200, reply.text
        return [choice["answer_id"] for choice in reply.json()["choices"]]


def _story(user: httpx.Client, answer_id: str) -> tuple[object, list[str], str]:
    """Give a vote and what became of it; the last event is of the moment of asking."""
    told = user.get(f"/v1/answers/{answer_id}/vote").json()
    assert told["vote"]["comment"] == "☂"
    return told["vote"], [event["what"] for event in told["lineage"]], told["summary"]


def _exported(live: LiveServer) -> str:
    with live.http("operator") as client:
        return client.get("/v1/feedback/export?scope=all").text


def test_redis_is_emptied_under_load(tmp_path: Path, own_redis: RedisServer) -> None:
    home = tmp_path / "home"
    with (
        running(light_settings(home, None, votes_per_minute=0, journal=True)) as live,
        redis.Redis.from_url(own_redis.url) as admin,
        live.http("user") as user,
    ):
        key, secret = live.container.keys.create("voters", requests_per_minute=0)
        answers = asyncio.run(record_answers(own_redis.url, f"key:{key.key_id}", VOTERS))
        pair = _asked(live, "Which of two?", n=2)
        alone = _asked(live, "And alone?")[0]
        assert user.put(f"/v1/answers/{alone}/vote", json={"rating": "up", "comment": "☂"}).status_code == 200
        body = {"answers": pair, "outcome": "second"}
        assert user.post("/v1/preferences", json=body).status_code == 200
        for _ in range(ROUNDS):
            voters = Voters(live.url, secret, answers)
            wait_until(lambda voters=voters: voters.total() > 20)
            voters.stop()
            before = _exported(live), _story(user, alone)
            wait_until(lambda: _follows(live, admin), PATIENCE_S)
            admin.flushall()
            seen: set[int] = set()

            def is_back(seen: set[int] = seen, before: tuple[str, object] = before) -> bool:
                status = user.get(f"/v1/answers/{alone}/vote").status_code
                seen.add(status)
                return status == 200 and _exported(live) == before[0]

            wait_until(is_back, PATIENCE_S)
            assert seen <= {200, 503}, "an answer that comes back must not be said not to exist"
            assert _story(user, alone) == before[1]
            wait_until(lambda: live.container.journal.state == "following", PATIENCE_S)  # type: ignore[union-attr]
            changed = user.put(f"/v1/answers/{alone}/vote", json={"rating": "down"})
            assert changed.status_code == 200
            back = user.put(f"/v1/answers/{alone}/vote", json={"rating": "up", "comment": "☂"})
            assert back.status_code == 200
            answers = asyncio.run(record_answers(own_redis.url, f"key:{key.key_id}", VOTERS))


def test_what_is_lost_at_most_is_what_the_journal_says(tmp_path: Path, own_redis: RedisServer) -> None:
    """Emptied in the middle of a burst: the loss is a tail of what was acknowledged, and no older than the bound."""
    home = tmp_path / "home"
    with (
        running(light_settings(home, None, votes_per_minute=0, journal=True)) as live,
        redis.Redis.from_url(own_redis.url) as admin,
    ):
        key, secret = live.container.keys.create("voters", requests_per_minute=0)
        answers = asyncio.run(record_answers(own_redis.url, f"key:{key.key_id}", VOTERS))
        wait_until(lambda: _follows(live, admin), PATIENCE_S)
        voters = Voters(live.url, secret, answers)
        wait_until(lambda: voters.total() > 200, PATIENCE_S)
        flushed_at = admin.time()
        admin.flushall()
        wait_until(lambda: live.container.journal.rebuilds == 1, PATIENCE_S)  # type: ignore[union-attr]
        voters.stop()
        wait_until(lambda: _follows(live, admin), PATIENCE_S)
        kept = {entry_id.decode() for entry_id, _ in admin.xrange("gl:feedback")}
        said = sorted(entry_id for votes in voters.acknowledged.values() for entry_id, _ in votes)
        lost = [entry_id for entry_id in said if entry_id not in kept]
        oldest_ms = flushed_at[0] * 1000 - BOUND_S * 1000
        assert [one for one in lost if int(one.partition("-")[0]) < oldest_ms] == []
        assert len(said) - len(lost) > 100
        assert set(voters.statuses) <= {200, 503, 404}


def test_what_was_archived_is_not_needed(tmp_path: Path, own_redis: RedisServer) -> None:
    home = tmp_path / "home"
    settings = light_settings(home, None, votes_per_minute=0, journal=True)
    with (
        running(settings) as live,
        redis.Redis.from_url(own_redis.url) as admin,
        live.http("user") as user,
    ):
        old = _asked(live, "Old?")[0]
        assert user.put(f"/v1/answers/{old}/vote", json={"rating": "down"}).status_code == 200
        wait_until(lambda: _follows(live, admin), PATIENCE_S)
        archive = open_archive(settings)
        assert move_old(admin, archive, after_days=1e-9).answers == 1
        archive.close()
        live.container.archive.refresh()
        young = _asked(live, "Young?")[0]
        before = _exported(live)
        wait_until(lambda: _follows(live, admin), PATIENCE_S)
        admin.flushall()
        wait_until(lambda: live.container.journal.rebuilds == 1, PATIENCE_S)  # type: ignore[union-attr]
        assert not admin.exists(f"gl:answer:{old}")
        assert admin.exists(f"gl:answer:{young}")
        assert _exported(live) == before
        assert user.put(f"/v1/answers/{old}/vote", json={"rating": "up"}).status_code == 200
        assert admin.exists(f"gl:answer:{old}")


def test_a_killed_redis_is_not_a_lost_one(tmp_path: Path, own_redis: RedisServer) -> None:
    home = tmp_path / "home"
    with running(light_settings(home, None, votes_per_minute=0, journal=True)) as live:
        key, secret = live.container.keys.create("voters", requests_per_minute=0)
        answers = asyncio.run(record_answers(own_redis.url, f"key:{key.key_id}", VOTERS))
        voters = Voters(live.url, secret, answers)
        wait_until(lambda: voters.total() > 20, PATIENCE_S)
        for _ in range(2):
            own_redis.stop(timeout_s=0)
            time.sleep(0.3)
            own_redis.start()
            returned = time.monotonic()
            wait_until(lambda returned=returned: voters.last_ok > returned, PATIENCE_S)
        voters.stop()
        with redis.Redis.from_url(own_redis.url) as admin:
            wait_until(lambda: _follows(live, admin), PATIENCE_S)
            assert live.container.journal is not None
            assert live.container.journal.rebuilds == 0
            entries = {item.entry_id for item in Journal(home / "journal").read() if hasattr(item, "fields")}
            assert entries == {entry_id.decode() for entry_id, _ in admin.xrange("gl:feedback")}
    check_nothing_lost(own_redis.url, voters.acknowledged)
