"""Homes that earlier releases wrote (tests/data/compat), opened by this one: same answers, votes and versions."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from service.archive.move import move_old
from service.archive.places import open_archive
from service.archive.tail import lag_s
from service.redis.server import RedisServer
from tests.service.http_world import LiveServer, light_settings, running, wait_until
from training.registry import Registry

HOMES = sorted((Path(__file__).parents[1] / "data" / "compat").glob("*.tar.gz"))
PATIENCE_S = 150.0
pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]


@dataclass
class Upgraded:
    """A home of an earlier release under the present one."""

    home: Path
    expected: dict[str, Any]
    url: str
    live: LiveServer

    def get(self, path: str, **query: Any) -> Any:
        """Ask with the operator's old key."""
        with self.live.http(key=self.expected["keys"]["operator"]) as client:
            reply = client.get(path, params=query)
            assert reply.status_code == 200, reply.text
            return reply.json() if "json" in reply.headers["content-type"] else reply.text

    def exported(self) -> list[dict[str, Any]]:
        """Export every record."""
        with self.live.http(key=self.expected["keys"]["operator"]) as client:
            return [
                json.loads(line)
                for line in client.get("/v1/feedback/export", params={"scope": "all"}).text.splitlines()
            ]


def test_there_is_a_home_of_a_release() -> None:
    assert HOMES


@pytest.fixture(params=HOMES, ids=lambda path: path.name.removesuffix(".tar.gz"))
def upgraded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Upgraded]:
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    home = tmp_path / "home"
    expected = json.loads((tmp_path / "expected.json").read_text())
    server = RedisServer(home)
    server.start()
    try:
        with running(light_settings(home, None, votes_per_minute=0, journal=True)) as live:
            yield Upgraded(home, expected, server.url, live)
    finally:
        server.stop()


def _held(known: Any, told: Any) -> bool:
    """Tell whether everything that was known is told; a newer release may tell more."""
    if isinstance(known, dict):
        return isinstance(told, dict) and all(
            name in told and _held(value, told[name]) for name, value in known.items()
        )
    if isinstance(known, list):
        return isinstance(told, list) and len(known) == len(told) and all(map(_held, known, told))
    return bool(known == told)


def test_everything_is_there_and_goes_on(upgraded: Upgraded) -> None:
    expected = upgraded.expected
    for answer_id, vote in expected["votes"].items():
        assert _held(vote, upgraded.get(f"/v1/answers/{answer_id}/vote")["vote"])
    assert _held(expected["export"], upgraded.exported())
    listed = [[one["id"], one["rating"]] for one in upgraded.get("/v1/feedback")["data"]]
    assert listed == [list(one) for one in expected["feedback"]]
    files = upgraded.get("/v1/files")["data"]
    assert sorted(one["filename"] for one in files) == expected["documents"]
    registry = Registry(upgraded.home / "registry" / "extractive", kind="extractive")
    assert registry.alias("champion") == expected["champion"]
    assert [line.name for line in registry.list()] == expected["versions"]
    assert not any(registry.verify().values())
    with upgraded.live.http(key=expected["keys"]["operator"]) as client:
        found = client.post(f"/v1/vector_stores/{expected['store']}/search", json={"query": "vacation days"}).json()
        assert [one["file_id"] for one in found["data"]] == expected["search"]
        first = expected["answers"][0]
        body = {
            "model": "groundloop",
            "messages": [{"role": "user", "content": first["question"]}],
            "collections": [expected["store"]],
        }
        asked = client.post("/v1/chat/completions", json=body).json()
        assert asked["choices"][0]["message"]["content"] == first["text"]
        for answer_id in (first["id"], asked["choices"][0]["answer_id"]):
            changed = client.put(f"/v1/answers/{answer_id}/vote", json={"rating": "down", "comment": "Later."})
            assert changed.status_code == 200, changed.text
        assert upgraded.get(f"/v1/answers/{first['id']}/vote")["vote"]["comment"] == "Later."


def test_old_records_are_journaled_archived_and_rebuilt(upgraded: Upgraded) -> None:
    """What this release keeps beside Redis takes in what an earlier one wrote."""
    tail = upgraded.live.container.journal
    assert tail is not None
    with redis.Redis.from_url(upgraded.url) as client:
        wait_until(lambda: tail.position is not None and lag_s(client, tail.position) == 0, PATIENCE_S)
        rows = upgraded.exported()
        client.flushall()
        wait_until(lambda: tail.rebuilds == 1 and tail.state == "following", PATIENCE_S)
        assert upgraded.exported() == rows
        archive = open_archive(upgraded.live.container.settings)
        answers = [one["id"] for one in upgraded.expected["answers"]]
        before = archive.holds_answers(answers)
        assert move_old(client, archive, after_days=1e-9).answers == len(answers) - len(before)
        archive.close()
        upgraded.live.container.archive.refresh()
        assert upgraded.exported() == rows
