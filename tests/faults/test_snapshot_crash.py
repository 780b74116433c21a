"""SIGKILL between the 200 of a judgement and the snapshot that learns from it: none lost, none in it twice."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from retrieval.durable import verify_directory
from service.access import KeyStore
from service.cycles.snapshot import FEEDBACK, RECORDS, SnapshotInfo, write_snapshot
from service.feedback.answers import AnswerRecord, AnswerStore
from service.redis.server import RedisServer
from service.scopes import SHARED
from tests.e2e.running import free_port
from tests.faults.api_process import start_api
from tests.faults.vote_load import Voters
from tests.service.feedback.samples import make_prompt, make_record
from tests.service.http_world import light_settings, wait_until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]
KILLS = 10
VOTERS, PAIRS = 6, 40


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


def _record(url: str, user: str, texts: list[tuple[str, ...]]) -> list[list[AnswerRecord]]:
    """Record the answers to as many prompts, all of which may be learned from."""
    made = [
        [
            make_record(text, user=user, prompt=make_prompt(question=f"Question {number}?", collections=()))
            for text in answers
        ]
        for number, answers in enumerate(texts)
    ]

    async def record() -> None:
        async with Redis.from_url(url) as client:
            for records in made:
                await AnswerStore(client).record_all(records)

    asyncio.run(record())
    return made


class Comparer:
    """One who compares pair after pair, and says each with its key until it is acknowledged."""

    def __init__(self, url: str, key: str, pairs: list[list[AnswerRecord]]) -> None:
        self.acknowledged: dict[str, str] = {}  # entry -> first answer
        self.again = 0
        self._url, self._key, self._pairs = url, key, pairs
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._compare)
        self._thread.start()

    def stop(self) -> None:
        """Let the pair at hand be acknowledged."""
        self._stop.set()
        self._thread.join(120)
        assert not self._thread.is_alive()

    def _compare(self) -> None:
        with httpx.Client(base_url=self._url, headers={"Authorization": f"Bearer {self._key}"}, timeout=10) as client:
            for number, pair in enumerate(self._pairs):
                if self._stop.is_set():
                    return
                body = {"answers": [one.answer_id for one in pair], "outcome": "first"}
                tries = 0
                while (entry := self._say(client, body, f"pair-{number}")) is None:
                    tries += 1
                    time.sleep(0.05)
                self.again += tries > 0
                self.acknowledged[entry] = pair[0].answer_id
                time.sleep(0.05)

    def _say(self, client: httpx.Client, body: dict[str, Any], key: str) -> str | None:
        try:
            reply = client.post("/v1/preferences", json=body, headers={"Idempotency-Key": key})
        except httpx.HTTPError:
            return None
        if reply.status_code != 200:
            return None
        entry: str = reply.json()["id"]
        return entry


def _rows(info: SnapshotInfo) -> list[dict[str, Any]]:
    return [json.loads(line) for line in info.files[RECORDS].read_bytes().splitlines()]


def test_what_was_acknowledged_is_in_the_next_snapshot_once(tmp_path: Path, own_redis: RedisServer) -> None:
    rng, url = random.Random(5), own_redis.url
    store = KeyStore(tmp_path / "keys.db")
    key, secret = store.create("voters", requests_per_minute=0)
    store.close()
    user = f"key:{key.key_id}"
    answers = [records[0] for records in _record(url, user, [(f"Text {n}.",) for n in range(VOTERS)])]
    pairs = _record(url, user, [(f"One {n}.", f"Two {n}.") for n in range(PAIRS)])
    port = free_port()
    api = start_api(tmp_path, port)
    voters = Voters(f"http://127.0.0.1:{port}", secret, answers)
    comparer = Comparer(f"http://127.0.0.1:{port}", secret, pairs)
    try:
        for _ in range(KILLS):
            before = voters.total()
            wait_until(lambda before=before: voters.total() > before + VOTERS, 60)
            time.sleep(rng.uniform(0, 0.3))
            api.kill()
            api.wait()
            api = start_api(tmp_path, port)
        voters.stop()
        comparer.stop()
        settings = light_settings(tmp_path, None)
        info = write_snapshot(settings, SHARED, tmp_path / "training" / "first")
        rows = _rows(info)

        voted = {row["record_id"]: row["rating"] for row in rows if row["kind"] == "vote"}
        assert voted == {said[-1][0]: said[-1][1] for said in voters.acknowledged.values()}  # the last word of each
        compared = {row["record_id"]: row["answers"][0]["answer_id"] for row in rows if row["kind"] == "preference"}
        assert compared == comparer.acknowledged
        assert len(rows) == len({row["record_id"] for row in rows}) == info.records

        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {secret}"}) as http:
            body = {"rating": "down", "comment": "after the storm"}
            later = http.put(f"/v1/answers/{answers[0].answer_id}/vote", json=body).json()["id"]
        second = _rows(write_snapshot(settings, SHARED, tmp_path / "training" / "second"))
        assert {row["record_id"] for row in second} == (set(voted) | set(compared) | {later}) - {
            voters.acknowledged[answers[0].answer_id][-1][0]
        }
    finally:
        voters.abandon()
        api.kill()
        api.wait()


def test_a_snapshot_that_is_killed_is_taken_whole_or_not_at_all(tmp_path: Path, own_redis: RedisServer) -> None:
    rng = random.Random(6)
    answers = [records[0] for records in _record(own_redis.url, "key:a", [(f"Text {n}.",) for n in range(400)])]

    async def vote() -> None:
        from service.feedback.log import FeedbackLog
        from service.feedback.records import Vote

        async with Redis.from_url(own_redis.url) as client:
            log = FeedbackLog(client)
            await asyncio.gather(*(log.vote(one.answer_id, Vote("up"), voter="key:a") for one in answers))

    asyncio.run(vote())
    settings = light_settings(tmp_path, None)
    whole = write_snapshot(settings, SHARED, tmp_path / "training" / "whole")
    assert whole.records == 400
    directory, finished = tmp_path / "training" / "killed", 0
    for _ in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.snapshot_child", str(tmp_path), str(directory)], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(rng.uniform(0, 0.25))
        child.kill()
        child.communicate()
        if (directory / FEEDBACK).exists():
            verify_directory(directory / FEEDBACK)  # never half of one
            finished += 1
    info = write_snapshot(settings, SHARED, directory)
    assert info.digest == whole.digest
    assert [path.name for path in directory.iterdir() if path.name.startswith(".tmp-")] == [] or finished
