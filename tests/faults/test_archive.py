"""Answers are archived and brought back by votes, while archiver and Redis are killed: no vote is lost or doubled."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from service.archive.places import open_archive
from service.redis.server import RedisServer
from tests.faults.vote_load import Voters, record_answers
from tests.service.http_world import LiveServer, light_settings, running, wait_until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]

KILLS = 6
VOTERS = 4
PATIENCE_S = 150.0


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


def _archiver(home: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.archive_child", str(home)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "started\n"
    return child


def _listed(live: LiveServer) -> list[dict[str, Any]]:
    """Page through everything that was ever said, oldest first."""
    found: list[dict[str, Any]] = []
    with live.http("operator") as operator:
        query: dict[str, Any] = {"history": "true", "limit": 100, "order": "asc"}
        while True:
            reply = operator.get("/v1/feedback", params=query)
            assert reply.status_code == 200, reply.text
            page = reply.json()
            found += page["data"]
            if not page["has_more"]:
                return found
            query["after"] = page["last_id"]


def test_votes_survive_the_archiver(tmp_path: Path, own_redis: RedisServer) -> None:
    rng = random.Random(11)
    settings = light_settings(tmp_path, None, votes_per_minute=0)
    with running(settings) as live:
        key, secret = live.container.keys.create("voters", requests_per_minute=0)
        answers = asyncio.run(record_answers(own_redis.url, f"key:{key.key_id}", VOTERS))
        child = _archiver(tmp_path)
        voters = Voters(live.url, secret, answers)
        try:
            with closing(open_archive(settings)) as begun:
                wait_until(lambda: bool(begun.folder.batches()), PATIENCE_S)
            for number in range(KILLS):
                seen = voters.total()
                wait_until(lambda seen=seen: voters.total() > seen + 20, PATIENCE_S)
                time.sleep(rng.random() * 0.2)
                if number % 3 == 2:
                    assert own_redis.pid is not None
                    os.kill(own_redis.pid, signal.SIGKILL)
                    own_redis.start()
                else:
                    child.kill()
                    child.communicate()
                    child = _archiver(tmp_path)
            voters.stop()
        finally:
            voters.abandon()
            child.kill()
            child.communicate()
        assert set(voters.statuses) <= {200, 503}
        archive = open_archive(settings)
        assert archive.folder.batches(), "nothing was ever archived"
        for batch in archive.folder.batches():
            archive.folder.verify(batch)
        archive.close()
        live.container.archive.refresh()
        listed = _listed(live)
        said = sorted(vote for votes in voters.acknowledged.values() for vote in votes)
        assert sorted((one["id"], one["rating"]) for one in listed) == said
        standing = {one["answers"][0]: (one["id"], one["rating"]) for one in listed if one["current"]}
        assert standing == {answer_id: votes[-1] for answer_id, votes in voters.acknowledged.items()}
        with live.http("operator") as operator:
            rows = operator.get("/v1/feedback/export", params={"format": "kto", "scope": "all"}).text.splitlines()
            assert len(rows) == VOTERS
            answer_id = answers[0].answer_id
            assert operator.put(f"/v1/answers/{answer_id}/vote", json={"rating": "up"}).status_code == 200
