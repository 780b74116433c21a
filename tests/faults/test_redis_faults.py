"""Redis killed, absent, full, read-only and stalled: chat goes on, votes are refused politely, and all recovers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis
from redis.asyncio import Redis as AsyncRedis

from service.feedback.log import FeedbackLog
from service.feedback.records import Vote
from service.redis.server import RedisServer
from tests.faults.vote_load import Voters, check_nothing_lost, record_answers
from tests.service.http_world import LiveServer, light_settings, running, wait_until
from tests.service.jobs import processes as processes_of

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

KILLS = 5
KILLS_OF_THE_BROKER = 2
VOTERS = 4
STALL_S = 5.0  # an answer that took as long had waited for Redis
RECOVERED_WITHIN_S = 5.0


class Chatters:
    """Two who keep asking."""

    def __init__(self, live: LiveServer) -> None:
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.recorded: Counter[bool] = Counter()
        self._live = live
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(2)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let them finish."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def p99(self) -> float:
        """Give the 99th percentile of the time to an answer."""
        return sorted(self.latencies)[int(len(self.latencies) * 0.99)]

    def _ask(self) -> None:
        body = {"model": "groundloop", "messages": [{"role": "user", "content": "How many days of vacation?"}]}
        with self._live.http("user") as client:
            while not self._stop.is_set():
                started = time.monotonic()
                reply = client.post("/v1/chat/completions", json=body)
                self.latencies.append(time.monotonic() - started)
                self.statuses[reply.status_code] += 1
                if reply.status_code == 200:
                    self.recorded[reply.json()["choices"][0]["answer_id"] is not None] += 1
                time.sleep(0.02)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    if server.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGCONT)
    server.stop()


@contextlib.contextmanager
def under_load(home: Path, server: RedisServer) -> Iterator[tuple[LiveServer, Voters, Chatters]]:
    """Run the app with voters and chatters; at the end compare the log with what was acknowledged."""
    url = server.start()
    with running(light_settings(home, None, votes_per_minute=0)) as live:
        key, secret = live.container.keys.create("voters", requests_per_minute=0)
        answers = asyncio.run(record_answers(url, f"key:{key.key_id}", VOTERS))
        voters, chatters = Voters(live.url, secret, answers), Chatters(live)
        try:
            wait_until(lambda: voters.total() > 10 and chatters.statuses[200] > 3)
            yield live, voters, chatters
            recovered(voters)
            voters.stop()
        finally:
            chatters.stop()
            voters.abandon()
    check_nothing_lost(server.url, voters.acknowledged)
    assert set(voters.statuses) <= {200, 503}
    assert voters.impolite == []
    assert set(chatters.statuses) == {200}
    assert chatters.p99() < STALL_S


def recovered(voters: Voters) -> None:
    """Wait until votes are taken again, no longer than they may take."""
    returned = time.monotonic()
    wait_until(lambda: voters.last_ok > returned, RECOVERED_WITHIN_S)


def refused(voters: Voters) -> None:
    """Wait until votes are refused."""
    before = voters.statuses[503]
    wait_until(lambda: voters.statuses[503] > before, 3)


def test_redis_is_killed_under_load(tmp_path: Path, own_redis: RedisServer) -> None:
    with under_load(tmp_path, own_redis) as (live, voters, chatters):
        for _ in range(KILLS):
            assert own_redis.pid is not None
            os.kill(own_redis.pid, signal.SIGKILL)
            refused(voters)
            with live.http("user") as client:
                wait_until(lambda client=client: client.get("/readyz").status_code == 503, 2)
                assert client.get("/healthz").status_code == 200
            unrecorded = chatters.recorded[False]
            wait_until(lambda unrecorded=unrecorded: chatters.recorded[False] > unrecorded)
            own_redis.start()
            recovered(voters)


def test_redis_is_absent_at_start(tmp_path: Path, own_redis: RedisServer) -> None:
    with running(light_settings(tmp_path, None)) as live, live.http("user") as client:
        assert client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["parts"]["redis"]["state"]) == (503, "down")
        body = {"model": "groundloop", "messages": [{"role": "user", "content": "Anything?"}]}
        reply = client.post("/v1/chat/completions", json=body)
        assert (reply.status_code, reply.json()["choices"][0]["answer_id"]) == (200, None)
        vote = client.put("/v1/answers/ans_x/vote", json={"rating": "up"})
        assert (vote.status_code, vote.json()["error"]["code"]) == (503, "redis_unavailable")
        assert "Retry-After" in vote.headers
        own_redis.start()
        wait_until(lambda: client.get("/readyz").status_code == 200, RECOVERED_WITHIN_S)
        answer_id = client.post("/v1/chat/completions", json=body).json()["choices"][0]["answer_id"]
        assert client.put(f"/v1/answers/{answer_id}/vote", json={"rating": "up"}).status_code == 200


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_redis_refuses_writes(tmp_path: Path, own_redis: RedisServer, fault: str) -> None:
    with (
        under_load(tmp_path, own_redis) as (_live, voters, chatters),
        redis.Redis.from_url(own_redis.url) as admin,
    ):
        if fault == "full":
            admin.config_set("maxmemory", 1)
        else:
            admin.replicaof("127.0.0.1", 1)
        refused(voters)
        asked = chatters.statuses[200]
        wait_until(lambda: chatters.statuses[200] > asked + 20)
        admin.config_set("maxmemory", 0)
        admin.replicaof("no", "one")
        recovered(voters)


def test_redis_stalls(tmp_path: Path, own_redis: RedisServer) -> None:
    with under_load(tmp_path, own_redis) as (live, voters, _chatters):
        assert own_redis.pid is not None
        threads = threading.active_count()
        os.kill(own_redis.pid, signal.SIGSTOP)
        stalled = time.monotonic()
        refused(voters)
        with live.http("user") as client, contextlib.suppress(httpx.HTTPError):
            assert client.get("/healthz").status_code == 200
        time.sleep(max(0.0, 5.0 - (time.monotonic() - stalled)))
        os.kill(own_redis.pid, signal.SIGCONT)
        recovered(voters)
        assert threading.active_count() <= threads + 2
        assert voters.slowest_s < STALL_S


@pytest.mark.timeout(900)
def test_what_is_scheduled_goes_on_after_the_broker_was_killed(tmp_path: Path, own_redis: RedisServer) -> None:
    """Worker and schedule outlive their broker: what becomes due afterwards is done, and the record is whole."""
    url = own_redis.start()
    often = {"archive_after_days": "1e-9", "archive_interval_s": "1", "sweep_interval_s": "1"}
    processes = [processes_of.start(tmp_path, command, **often) for command in ("worker", "beat")]
    said: list[str] = []
    try:
        for number in range(KILLS_OF_THE_BROKER + 1):
            if number:
                assert own_redis.pid is not None
                os.kill(own_redis.pid, signal.SIGKILL)
                time.sleep(1.0)
                url = own_redis.start()
            (record,) = asyncio.run(record_answers(url, "key:asker", 1))
            said.append(asyncio.run(_vote(url, record.answer_id)))

            def is_archived(url: str = url, answer_id: str = record.answer_id) -> bool:
                assert all(process.poll() is None for process in processes)
                with redis.Redis.from_url(url) as client:
                    return not client.exists(f"gl:answer:{answer_id}")

            processes_of.wait_until(is_archived)
    finally:
        for process in processes:
            processes_of.kill(process)
    with running(light_settings(tmp_path, None)) as live, live.http("operator") as operator:
        listed = operator.get("/v1/feedback", params={"history": "true", "order": "asc"}).json()["data"]
        assert [one["id"] for one in listed] == said
        again = operator.put(f"/v1/answers/{listed[0]['answers'][0]}/vote", json={"rating": "down"})
        assert again.status_code == 200


async def _vote(url: str, answer_id: str) -> str:
    async with AsyncRedis.from_url(url) as client:
        entry_id = (await FeedbackLog(client).vote(answer_id, Vote("up"), voter="key:asker")).entry_id
        assert entry_id is not None
        return entry_id
