"""A backup taken while people vote and upload: what was acknowledged before it began is in the home made from it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.backup.create import create_backup
from service.backup.restore import restore_backup
from service.backup.verify import verify_backup
from service.redis.server import RedisServer
from tests.faults.vote_load import Voters, record_answers
from tests.service.http_world import LiveServer, light_settings, running, wait_until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]

BACKUPS = 2
VOTERS = 4
PATIENCE_S = 150.0


class Uploaders:
    """Somebody who keeps uploading documents that nobody has uploaded before."""

    def __init__(self, live: LiveServer) -> None:
        self.acknowledged: list[tuple[float, str, str]] = []  # when, file id, text
        self._live = live
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._upload)
        self._thread.start()

    def stop(self) -> None:
        """Let the last upload end."""
        self._stop.set()
        self._thread.join(60)

    def _upload(self) -> None:
        number = 0
        with self._live.http("operator") as client:
            while not self._stop.is_set():
                number += 1
                text = f"Rule {number}. The answer to rule {number} is {number * number}."
                sent = client.post(
                    "/v1/files",
                    files={"file": (f"{number}.txt", text.encode(), "text/plain")},
                    data={"purpose": "assistants"},
                )
                if sent.status_code in (200, 201):
                    self.acknowledged.append((time.time(), sent.json()["id"], text))
                time.sleep(0.01)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "home")
    server.start()
    yield server
    server.stop()


def test_a_backup_under_load_is_whole(tmp_path: Path, own_redis: RedisServer) -> None:
    home = tmp_path / "home"
    settings = light_settings(home, None, votes_per_minute=0, journal=True)
    with running(settings) as live:
        key, secret = live.container.keys.create("voters", requests_per_minute=0)
        answers = asyncio.run(record_answers(own_redis.url, f"key:{key.key_id}", VOTERS))
        voters, uploaders = Voters(live.url, secret, answers), Uploaders(live)
        try:
            taken = []
            for number in range(BACKUPS):
                wait_until(lambda: voters.total() > 50 and len(uploaders.acknowledged) > 5, PATIENCE_S)
                said = {answer: list(votes) for answer, votes in voters.acknowledged.items()}
                files = list(uploaders.acknowledged)
                done = create_backup(settings, tmp_path / f"backup-{number}")
                assert voters.total() > sum(map(len, said.values())), "votes went on meanwhile"
                taken.append((tmp_path / f"backup-{number}", done, said, files))
        finally:
            voters.abandon()
            uploaders.stop()
        assert set(voters.statuses) == {200}
    for number, (folder, done, said, files) in enumerate(taken):
        found = verify_backup(folder)
        assert found.problems == ()
        assert found.blobs >= len(files)
        elsewhere = light_settings(tmp_path / f"restored-{number}", None, votes_per_minute=0, journal=True)
        restored = restore_backup(elsewhere, folder)
        assert restored.record.entries == done.judgements >= sum(map(len, said.values()))
        _check(elsewhere.home, secret, said, files)


def _check(
    home: Path, secret: str, said: dict[str, list[tuple[str, str]]], files: list[tuple[float, str, str]]
) -> None:
    """Start the service on the restored home and look for everything; then go on."""
    server = RedisServer(home)
    server.start()
    try:
        with (
            running(light_settings(home, None, votes_per_minute=0, journal=True)) as live,
            httpx.Client(base_url=live.url, headers={"Authorization": f"Bearer {secret}"}, timeout=30) as voter,
            live.http("operator") as operator,
        ):
            page = operator.get("/v1/feedback", params={"history": "true", "limit": 100, "order": "asc"}).json()
            kept = [(one["id"], one["rating"]) for one in page["data"]]
            while page["has_more"]:
                query = {"history": "true", "limit": 100, "order": "asc", "after": page["last_id"]}
                page = operator.get("/v1/feedback", params=query).json()
                kept += [(one["id"], one["rating"]) for one in page["data"]]
            assert {vote for votes in said.values() for vote in votes} <= set(kept)
            assert len(set(kept)) == len(kept)
            for answer_id, votes in said.items():
                story = voter.get(f"/v1/answers/{answer_id}/vote").json()
                assert story["vote"]["id"] >= votes[-1][0]
                assert story["vote"]["id"] == max(one for one, _ in kept if _of(operator, one, answer_id))
            for _, file_id, text in files:
                assert operator.get(f"/v1/files/{file_id}/content").content == text.encode()
            again = voter.put(f"/v1/answers/{answer_id}/vote", json={"rating": "up", "comment": "Later."})
            assert again.status_code == 200
            live.ingest()
    finally:
        server.stop()


def _of(operator: httpx.Client, entry_id: str, answer_id: str) -> bool:
    at = int(entry_id.partition("-")[0]) / 1000
    query = {"history": "true", "answer_id": answer_id, "since": at, "until": at}
    return any(one["id"] == entry_id for one in operator.get("/v1/feedback", params=query).json()["data"])
