"""SIGKILL of the API while votes come in: what was acknowledged is there, once, and voting goes on."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.access import KeyStore
from service.redis.server import RedisServer
from tests.e2e.running import free_port
from tests.faults.api_process import start_api
from tests.faults.vote_load import Voters, check_nothing_lost, record_answers
from tests.service.http_world import wait_until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

KILLS = 10
VOTERS = 6


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


def test_votes_survive_kills_of_the_api(tmp_path: Path, own_redis: RedisServer) -> None:
    rng, url = random.Random(5), own_redis.url
    store = KeyStore(tmp_path / "keys.db")
    key, secret = store.create("voters", requests_per_minute=0)
    store.close()
    answers = asyncio.run(record_answers(url, f"key:{key.key_id}", VOTERS))
    port = free_port()
    api = start_api(tmp_path, port)
    voters = Voters(f"http://127.0.0.1:{port}", secret, answers)
    try:
        for _ in range(KILLS):
            before = voters.total()
            wait_until(lambda before=before: voters.total() > before + VOTERS, 30)
            time.sleep(rng.uniform(0, 0.3))
            api.kill()
            api.wait()
            api = start_api(tmp_path, port)
        before = voters.total()
        wait_until(lambda: voters.total() > before + VOTERS, 30)
        voters.stop()
    finally:
        voters.abandon()
        api.kill()
        api.wait()
    assert set(voters.statuses) <= {0, 200}
    check_nothing_lost(url, voters.acknowledged)
