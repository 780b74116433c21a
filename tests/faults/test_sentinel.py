"""A failover under load: votes are refused politely while it lasts, all recovers by itself, and what was acknowledged
by a replica too is there afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.jobs.celery_app import create_celery
from service.jobs.sweep import last_sweep_age_s
from service.redis.checks import check_redis_url
from service.redis.connect import open_async, open_blocking
from service.settings import Settings
from tests.faults.vote_load import Voters, check_nothing_lost, record_answers
from tests.service.http_world import light_settings, running, wait_until
from tests.service.redis.sentinels import Sentinels

pytestmark = [pytest.mark.fault, pytest.mark.timeout(400)]

VOTERS = 4
PATIENCE_S = 150.0


@contextlib.contextmanager
def voting(home: Path, url: str, *, min_replicas: int) -> Iterator[Voters]:
    """Run the app with voters; at the end compare the log with what was acknowledged."""
    settings = light_settings(home, url, votes_per_minute=0, redis_min_replicas=min_replicas, redis_timeout_s=2.0)
    with running(settings) as live:
        key, secret = live.container.keys.create("voters", requests_per_minute=0)
        answers = asyncio.run(record_answers(url, f"key:{key.key_id}", VOTERS))
        voters = Voters(live.url, secret, answers)
        try:
            wait_until(lambda: voters.total() > 20, PATIENCE_S)
            yield voters
            before = voters.total()
            wait_until(lambda: voters.total() > before + 20, PATIENCE_S)
            voters.stop()
        finally:
            voters.abandon()
    assert set(voters.statuses) <= {200, 503}
    assert voters.impolite == []


def test_a_master_is_killed_and_nothing_that_a_replica_held_is_lost(tmp_path: Path) -> None:
    with Sentinels(tmp_path, replicas=2) as servers:
        before = servers.master()
        with voting(tmp_path / "home", servers.url, min_replicas=1) as voters:
            servers.kill(before)
            servers.wait_for_failover(before)
        assert servers.master() != before
        check_nothing_lost(servers.url, voters.acknowledged)


def test_a_master_that_comes_back_is_not_written_to(tmp_path: Path) -> None:
    """Stalled, replaced, woken again: connections that still lead to it are not used for long, and nothing is lost."""
    with Sentinels(tmp_path, replicas=2) as servers:
        before = servers.master()
        with voting(tmp_path / "home", servers.url, min_replicas=1) as voters:
            servers.stall(before)
            servers.wait_for_failover(before)
            servers.wake(before)
            wait_until(lambda: servers.client(before).role()[0] == b"slave", PATIENCE_S)
        check_nothing_lost(servers.url, voters.acknowledged)


def test_without_a_replica_votes_wait_for_one(tmp_path: Path) -> None:
    with Sentinels(tmp_path, replicas=1) as servers:
        replica = servers.ports[1]
        with voting(tmp_path / "home", servers.url, min_replicas=1) as voters:
            servers.kill(replica)
            refused = voters.statuses[503]
            wait_until(lambda: voters.statuses[503] > refused + 3, PATIENCE_S)
            servers.start(replica)
        check_nothing_lost(servers.url, voters.acknowledged)


def test_the_worker_and_the_schedule_follow_the_master(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Sentinels(tmp_path, replicas=1) as servers, contextlib.ExitStack() as stack:
        environment = {
            **os.environ,
            "GROUNDLOOP_HOME": str(home),
            "REDIS_URL": servers.url,
            "GROUNDLOOP_SWEEP_INTERVAL_S": "1",
        }
        for command in (["worker", "--queues", "default"], ["beat"]):
            process = subprocess.Popen([sys.executable, "-m", "service.cli", *command], env=environment)
            stack.callback(process.wait, 60)
            stack.callback(process.kill)

        def swept() -> bool:
            age = last_sweep_age_s(home)
            return age is not None and age < 2

        wait_until(swept, PATIENCE_S)
        before = servers.master()
        servers.kill(before)
        servers.wait_for_failover(before)
        (home / "run" / "sweep.stamp").unlink()
        wait_until(swept, PATIENCE_S)


def test_every_client_follows_the_master(tmp_path: Path) -> None:
    with Sentinels(tmp_path, replicas=1) as servers:
        url, first = servers.url, servers.master()
        assert check_redis_url(url) == []
        blocking = open_blocking(url, socket_timeout=5.0, decode_responses=True)
        blocking.set("before", "1")
        app = create_celery(Settings(home=tmp_path / "home", redis_url=url))

        def send() -> bool:
            try:
                app.send_task("nobody.listens", queue="ingest")
            except Exception:  # while it fails over
                return False
            return True

        assert send()
        servers.client(first).wait(1, 5000)
        servers.kill(first)
        second = servers.wait_for_failover(first)

        def back() -> bool:
            with contextlib.suppress(Exception):
                return bool(blocking.set("after", "1"))
            return False

        wait_until(back, PATIENCE_S)
        assert blocking.get("before") == "1"
        wait_until(send, PATIENCE_S)
        assert servers.client(second).llen("gl:broker:ingest") == 2

        async def look() -> object:
            async with open_async(url) as client:
                return await client.get("after")

        assert asyncio.run(look()) == b"1"
        blocking.close()
        app.close()
