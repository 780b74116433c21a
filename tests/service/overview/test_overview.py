"""The overview over HTTP: what it shows, that it is cheap, and what is left of it while Redis is away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from service.cycles import store
from service.jobs.presence import Presence
from service.jobs.workers import WORKERS
from service.overview import overview
from service.redis.calls import ask
from tests.service.http_world import LiveServer, light_settings, running, wait_until

PATH = "/v1/overview"


@pytest.fixture(autouse=True)
def _always_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "FRESH_S", -1.0)


@pytest.fixture
def server(tmp_path: Path, redis_url: str) -> Iterator[LiveServer]:
    with running(light_settings(tmp_path, redis_url, learn=False)) as live:
        yield live


def shown(server: LiveServer) -> dict[str, Any]:
    with server.http("operator") as http:
        answer = http.get(PATH)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def test_an_empty_home(server: LiveServer) -> None:
    seen = shown(server)
    assert seen["object"] == "overview"
    assert {part["name"] for part in seen["parts"]} >= {"catalog", "search", "policy", "redis", "schedule"}
    assert {part["state"] for part in seen["parts"] if part["name"] == "redis"} == {"ready"}
    assert {queue["name"]: queue["waiting"] for queue in seen["queues"]} == dict.fromkeys(
        ("documents", "questions", "cycles", "erasures", "messages"), 0
    )
    assert (seen["workers"], seen["collections"], seen["collections_more"], seen["trials"]) == (0, [], False, 0)
    assert seen["versions"] == [{"scope": "shared", "champion": "base-extractive", "candidate": None}]
    assert len(seen["days"]) == 30
    assert all(day["answers"] == day["up"] == day["down"] == day["preferences"] == 0 for day in seen["days"])
    assert [one["scope"] for one in seen["next"]] == ["shared"]
    assert "0 of 200 judgements" in seen["next"][0]["reason"]


def test_what_is_there_is_counted(server: LiveServer, redis_url: str) -> None:
    with server.http("operator") as http, redis.Redis.from_url(redis_url) as client:
        made = http.post("/v1/vector_stores", json={"name": "Docs"}).json()["id"]
        for name, content in (("a.md", b"Alpha is first. Beta is second."), ("c.pdf", b"%PDF-1.7 no")):
            file = http.post("/v1/files", files={"file": (name, content)}).json()["id"]
            http.post(f"/v1/vector_stores/{made}/files", json={"file_id": file})
        before = shown(server)
        assert {queue["name"]: queue["waiting"] for queue in before["queues"]}["documents"] == 2
        assert before["collections"] == [
            {"id": made, "name": "Docs", "documents": 2, "failed": 0, "pending": 2, "chunks": 0, "generation": 0}
        ]
        server.ingest()
        question = {"messages": [{"role": "user", "content": "What is alpha?"}], "collections": [made]}
        answer = http.post("/v1/chat/completions", json=question).json()["choices"][0]["answer_id"]
        http.put(f"/v1/answers/{answer}/vote", json={"rating": "up"})
        http.put(f"/v1/answers/{answer}/vote", json={"rating": "down", "reasons": ["wrong_answer"]})
        ask(client, store.create("shared", "operator"))
        after = shown(server)
    (collection,) = after["collections"]
    assert (collection["documents"], collection["failed"], collection["pending"]) == (2, 1, 0)
    assert collection["chunks"] == 1
    assert {queue["name"]: queue["waiting"] for queue in after["queues"]}["cycles"] == 1
    today = after["days"][-1]
    assert (today["answers"], today["up"], today["down"], today["preferences"]) == (1, 0, 1, 0)
    assert after["next"][0]["judgements"] == 1


def test_workers_that_say_so_are_counted(server: LiveServer, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        workers = [Presence(server.container.settings, name) for name in ("host:1", "host:2")]
        for worker in (*workers, workers[0]):
            worker()
        client.zadd(WORKERS, {"host:silent": 1})
        assert shown(server)["workers"] == 2
        workers[0]()  # takes away who was silent for too long
        assert client.zcard(WORKERS) == 2
        assert client.pttl(WORKERS) > 0
        for worker in workers:
            worker.leave()
        assert shown(server)["workers"] == 0


def test_many_looks_are_one(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "FRESH_S", 60.0)
    calls = 0
    read = server.container.catalog.collections

    def counting(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += named.get("limit") == overview.MOST_COLLECTIONS and "order" not in named
        return read(*arguments, **named)

    monkeypatch.setattr(server.container.catalog, "collections", counting)
    assert shown(server) == shown(server) == shown(server)
    assert calls == 1


def test_it_is_for_operators_that_act_for_nobody(server: LiveServer) -> None:
    with server.http("operator") as http:
        refused = http.get(PATH, headers={"X-Groundloop-User": "jane"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "insufficient_role")


def test_without_redis_the_rest_is_shown(tmp_path: Path) -> None:
    with running(light_settings(tmp_path, None)) as server:
        wait_until(lambda: server.container.loaded)
        seen = shown(server)
    assert {part["name"]: part["state"] for part in seen["parts"]}["redis"] == "down"
    assert (seen["workers"], seen["days"], seen["next"]) == (None, [], [])
    assert [queue["name"] for queue in seen["queues"]] == ["documents", "questions"]
    assert [one["champion"] for one in seen["versions"]] == ["base-extractive"]
