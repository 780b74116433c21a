"""`/v1/jobs` shows cycles of learning beside ingestions, and `/metrics` how they fare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from service.cycles import keys, store
from service.cycles.cycle import Cycle
from service.cycles.jobs import TrainingJob
from service.redis.calls import ask
from service.redis.server import RedisServer
from tests.service.http_world import LiveServer, light_settings, running
from tests.service.jobs.processes import wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[LiveServer]:
    """Give a server with three ended cycles, one that runs, one that waits, and two documents."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
        for number, end in enumerate(("candidate", "failed", "refused")):
            one = ask(client, store.create("shared", "schedule", cycle_id=f"cycle_{number}"))
            token = ask(client, store.claim(one.id, "w", 60)) or 0
            ask(client, store.finish(one.id, token, end, f"it is {end}", version="v1"))  # type: ignore[arg-type]
        ask(client, store.create("shared", "schedule", cycle_id="cycle_3"))
        token = ask(client, store.claim("cycle_3", "w", 3600)) or 0
        ask(client, store.renew("cycle_3", token, 3600, step="update", progress=0.42))
        ask(client, store.create("segment:north", "operator", cycle_id="cycle_4"))
    settings = light_settings(tmp_path_factory.mktemp("jobs"), redis_server.url)
    with running(settings) as live, live.http("operator") as http:
        vector_store = http.post("/v1/vector_stores", json={"name": "s"}).json()["id"]
        for name in ("a.md", "b.md"):
            file = http.post("/v1/files", files={"file": (name, b"alpha " + name.encode())}).json()["id"]
            http.post(f"/v1/vector_stores/{vector_store}/files", json={"file_id": file})
        yield live
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()


def listed(server: LiveServer, **query: str) -> list[dict[str, Any]]:
    """Page through the jobs, two at a time."""
    jobs: list[dict[str, Any]] = []
    with server.http("operator") as http:
        while True:
            after = {"after": str(jobs[-1]["id"])} if jobs else {}
            answer = http.get("/v1/jobs", params={"limit": "2", **query, **after})
            assert answer.status_code == 200, answer.text
            jobs += answer.json()["data"]
            if not answer.json()["has_more"]:
                return jobs


def test_both_kinds_are_paged_from_either_end(server: LiveServer) -> None:
    jobs = listed(server)
    assert [job["id"].partition(":")[0] for job in jobs] == ["train"] * 5 + ["ingest"] * 2
    assert [job["cycle_id"] for job in jobs[:5]] == [f"cycle_{number}" for number in (4, 3, 2, 1, 0)]
    assert listed(server, order="asc") == jobs[::-1]
    assert listed(server, kind="train") == jobs[:5]
    assert listed(server, kind="ingest") == jobs[5:]


def test_by_status(server: LiveServer) -> None:
    assert [job.get("cycle_id") for job in listed(server, status="in_progress")] == ["cycle_4", "cycle_3", None, None]
    assert [job.get("cycle_id") for job in listed(server, status="completed")] == ["cycle_2", "cycle_0"]
    assert [job.get("cycle_id") for job in listed(server, status="failed", order="asc")] == ["cycle_1"]
    assert listed(server, status="cancelled") == []


def test_one_with_its_progress(server: LiveServer) -> None:
    with server.http("operator") as http:
        job = http.get("/v1/jobs/train:cycle_3").json()
        assert http.get("/v1/jobs/train:cycle_9").status_code == 404
    assert (job["status"], job["stage"], job["percent"], job["attempts"]) == ("in_progress", "update", 42, 1)
    assert (job["scope"], job["version"]) == ("shared", None)
    assert job in listed(server)


@pytest.mark.parametrize(
    "query", [{"after": "train:cycle_9"}, {"after": "train:cycle_1", "kind": "ingest"}, {"after": "other:x"}]
)
def test_a_job_to_go_on_after_that_never_was_is_refused(server: LiveServer, query: dict[str, str]) -> None:
    with server.http("operator") as http:
        for order in ("asc", "desc"):
            refused = http.get("/v1/jobs", params={**query, "order": order})
            assert (refused.status_code, refused.json()["error"]["param"]) == (400, "after")


def test_what_it_says_of_one_that_is_tried_again() -> None:
    cycle = Cycle(
        "c", "shared", "running", "schedule", 10.0, reason="it died", retrying=True, step="data", progress=0.5
    )
    job = TrainingJob.of(cycle)
    assert (job.status, job.stage, job.reason, job.updated_at) == ("in_progress", "running", "it died", 10)


def test_metrics_tell_of_leases(server: LiveServer) -> None:
    server.app.state.container.reaper()
    with server.http("operator") as http:
        text = http.get("/metrics").text
    figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("groundloop_cycle"))
    assert float(figures["groundloop_cycle_lease_age_seconds"]) < 120
    assert figures['groundloop_cycles_unfinished{state="running"}'] == "1.0"
    assert figures['groundloop_cycles_unfinished{state="waiting"}'] == "1.0"


def test_an_api_process_finds_cycles_of_silent_workers_and_wakes_others(
    server: LiveServer, redis_server: RedisServer
) -> None:
    container = server.app.state.container
    with redis.Redis.from_url(redis_server.url) as client:
        made = ask(client, store.create("segment:south", "schedule"))
        ask(client, store.claim(made.id, "a worker", 60))
        client.hset(keys.cycle(made.id), "lease_until", "1")
        container.enqueue_training()
        wait_until(lambda: (one := ask(client, store.get(made.id))) is not None and one.retrying)
        wait_until(lambda: client.llen("gl:broker:train"))
        ask(client, store.request_cancel(made.id))
        client.zrem(keys.CYCLES, made.id)  # the other tests count the cycles of this server
        client.hdel(keys.OPEN, "segment:south")
