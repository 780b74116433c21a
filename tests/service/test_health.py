"""Readiness, part by part: while loading, without Redis, with an unsafe one, while draining."""

from __future__ import annotations

import math
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from retrieval.catalog import Catalog
from service.jobs.sweep import mark_sweep
from service.models import Models
from service.redis.server import RedisServer
from service.settings import Settings
from tests.service.http_world import LiveServer, light_settings, load_light, running, wait_until

CHAT = {"model": "groundloop", "messages": [{"role": "user", "content": "How many days of vacation?"}]}


def part(server: LiveServer, name: str) -> dict[str, Any]:
    """Give one part's state, and check that the status goes with it."""
    with server.http() as http:
        answer = http.get("/readyz")
    parts: dict[str, dict[str, Any]] = answer.json()["parts"]
    assert (answer.status_code == 200) == all(one["state"] in ("ready", "degraded") for one in parts.values())
    return parts[name]


def test_health_answers_while_the_models_load(tmp_path: Path, redis_server: RedisServer) -> None:
    gate = threading.Event()

    def slow(settings: Settings, catalog: Catalog) -> Models:
        gate.wait(20)
        return load_light(settings, catalog)

    settings = light_settings(tmp_path, redis_server.url)
    with running(settings, load=slow, wait_loaded=False) as server, server.http("operator") as http:
        assert http.get("/healthz").status_code == 200
        assert part(server, "search")["state"] == part(server, "policy")["state"] == "loading"
        store = http.post("/v1/vector_stores", json={"name": "early"}).json()["id"]  # what is light works already
        for refused in (
            http.post(f"/v1/vector_stores/{store}/search", json={"query": "x"}),
            http.post("/v1/chat/completions", json=CHAT),
            http.get("/v1/models"),
        ):
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) >= 1
            assert "loading" in refused.json()["error"]["message"]
        gate.set()
        wait_until(lambda: server.container.loaded)
        assert part(server, "search")["state"] == "ready"
        assert http.post(f"/v1/vector_stores/{store}/search", json={"query": "x"}).status_code == 200


def test_models_that_do_not_load_are_told_and_health_still_answers(tmp_path: Path) -> None:
    def broken(settings: Settings, catalog: Catalog) -> Models:
        raise OSError("no such weights")

    with running(light_settings(tmp_path, None), load=broken, wait_loaded=False) as server, server.http("user") as http:
        wait_until(lambda: server.container.load_error is not None)
        assert http.get("/healthz").status_code == 200
        assert part(server, "policy") == {"state": "failed", "detail": "the log says why"}
        assert http.get("/v1/models").status_code == 503


def test_without_redis_chat_reads_and_writes_wait(tmp_path: Path) -> None:
    with running(light_settings(tmp_path, None)) as server, server.http("operator") as http:
        assert http.get("/healthz").status_code == 200
        redis = part(server, "redis")
        assert redis["state"] == "down"
        assert "groundloop up" in redis["detail"]
        answer = http.post("/v1/chat/completions", json=CHAT)
        assert answer.status_code == 200
        assert answer.json()["choices"][0]["answer_id"] is None
        vote = http.put("/v1/answers/ans_x/vote", json={"rating": "up"})
        assert vote.status_code == 503
        assert vote.json()["error"]["code"] == "redis_unavailable"
        assert int(vote.headers["retry-after"]) >= 1
        uploaded = http.post("/v1/files", files={"file": ("a.md", b"kept")})  # documents do not need Redis
        assert uploaded.status_code == 200


@pytest.mark.parametrize("unsafe_ok", [False, True])
def test_an_unsafe_redis_is_refused_unless_told_otherwise(tmp_path: Path, unsafe_ok: bool) -> None:
    redis = RedisServer(tmp_path / "redis-home", appendfsync="everysec")
    redis.start()
    try:
        settings = light_settings(tmp_path / "home", redis.url, redis_unsafe_ok=unsafe_ok)
        with running(settings) as server, server.http("user") as http:
            state = part(server, "redis")
            vote = http.put("/v1/answers/ans_x/vote", json={"rating": "up"})
            if unsafe_ok:
                assert state["state"] == "ready"
                assert vote.status_code == 404
            else:
                assert state["state"] == "unsafe"
                assert "appendfsync" in state["detail"]
                assert vote.status_code == 503
                assert "appendfsync" in vote.json()["error"]["message"]
    finally:
        redis.stop()


def test_draining_is_told_before_the_end(tmp_path: Path, redis_server: RedisServer) -> None:
    with running(light_settings(tmp_path, redis_server.url)) as server:
        server.container.draining = True
        assert part(server, "server")["state"] == "draining"


def test_a_schedule_that_stands_still_is_told_and_questions_are_answered(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    def gauge() -> float:
        with server.http("operator") as http:
            text = http.get("/metrics").text
        return float(text.split("\ngroundloop_last_sweep_age_seconds ")[1].split("\n")[0])

    settings = light_settings(tmp_path, redis_server.url, sweep_interval_s=10)
    with running(settings) as server:
        assert part(server, "schedule") == {"state": "degraded", "detail": "no sweep has run yet"}
        assert math.isnan(gauge())
        mark_sweep(tmp_path)
        assert part(server, "schedule") == {"state": "ready", "detail": ""}
        assert 0 <= gauge() < 30
        long_ago = time.time() - 100
        os.utime(tmp_path / "run" / "sweep.stamp", (long_ago, long_ago))
        late = part(server, "schedule")
        assert late["state"] == "degraded"
        assert "s ago" in late["detail"]
        assert gauge() >= 100
        with server.http() as http:
            assert http.get("/readyz").status_code == 200


def test_metrics_tell_of_requests_and_parts(live: LiveServer) -> None:
    with live.http("operator") as http:
        http.get("/v1/vector_stores/nothing")
        text = http.get("/metrics").text
    assert (
        'groundloop_http_requests_total{method="GET",route="/v1/vector_stores/{vector_store_id}",status="404"}' in text
    )
    assert 'groundloop_part_up{part="redis"} 1.0' in text
    assert (
        'groundloop_model_version_info{role="champion",routed="true",scope="shared",version="base-extractive"} 1.0'
        in text
    )
    assert "groundloop_documents_pending" in text
    assert "nothing" not in text
