"""Cancelling a job, trying it again and reading its log: ingestions and cycles alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from retrieval.types import Document, DocumentError
from service.cycles import store
from service.files.job_log import ingestion_log
from service.redis.calls import ask
from service.settings import Settings
from tests.service.cycles.filling import Log, fill_log
from tests.service.http_world import LiveServer, light_settings, running


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return light_settings(tmp_path, redis_url, train_min_judgements=6, train_min_new=3, learn=False)


@pytest.fixture
def server(settings: Settings) -> Iterator[LiveServer]:
    with running(settings) as live:
        yield live


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


def queued(server: LiveServer, name: str, content: bytes) -> str:
    """Put a file into a store of its own; gives the job."""
    with server.http("operator") as http:
        made = http.post("/v1/vector_stores", json={"name": name}).json()["id"]
        file = http.post("/v1/files", files={"file": (name, content)}).json()["id"]
        http.post(f"/v1/vector_stores/{made}/files", json={"file_id": file})
    return f"ingest:{made}:{file}"


def judged(settings: Settings, count: int) -> None:
    """Say so much that a cycle may begin."""

    async def fill(log: Log) -> None:
        for number in range(count):
            await log.vote(await log.answer(f"text {number}"), voter=f"key:{number}")

    fill_log(settings, fill)


def test_an_ingestion_is_cancelled_and_tried_again(server: LiveServer) -> None:
    job = queued(server, "a.md", b"Alpha is first.")
    with server.http("operator") as http:
        cancelled = http.post(f"/v1/jobs/{job}/cancel").json()
        assert (cancelled["id"], cancelled["status"], cancelled["stage"]) == (job, "cancelled", "done")
        refused = http.post(f"/v1/jobs/{job}/cancel")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
        assert "cancelled" in http.get(f"/v1/jobs/{job}/log").text.splitlines()[-1]
        server.ingest()
        assert http.get(f"/v1/jobs/{job}").json()["status"] == "cancelled"

        again = http.post(f"/v1/jobs/{job}/retry").json()
        assert (again["id"], again["status"], again["stage"]) == (job, "in_progress", "queued")
        assert http.post(f"/v1/jobs/{job}/retry").status_code == 409
        server.ingest()
        assert http.get(f"/v1/jobs/{job}").json()["status"] == "completed"
        refused = http.post(f"/v1/jobs/{job}/retry")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
        assert "completed: 1 chunks" in http.get(f"/v1/jobs/{job}/log").text


def test_a_failed_ingestion_says_why_and_is_tried_again(server: LiveServer) -> None:
    job = queued(server, "c.pdf", b"%PDF-1.7 no")
    server.ingest()
    with server.http("operator") as http:
        shown = http.get(f"/v1/jobs/{job}").json()
        log = http.get(f"/v1/jobs/{job}/log")
        assert log.headers["content-type"].startswith("text/plain")
        first, attempt, last = log.text.splitlines()
        assert "c.pdf, 11 bytes, put into vs_" in first
        assert attempt == "attempt 1 of 3"
        assert last.endswith(f"failed: {shown['last_error']['reason']}: {shown['last_error']['message']}")
        assert http.post(f"/v1/jobs/{job}/retry").json()["attempts"] == 0
        server.ingest()
        assert http.get(f"/v1/jobs/{job}").json()["status"] == "failed"


def test_a_cycle_is_cancelled_and_another_one_tried(
    server: LiveServer, settings: Settings, client: redis.Redis, tmp_path: Path
) -> None:
    judged(settings, 6)
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "log.txt").write_text("".join(f"line {number}\n" for number in range(9)))
    with server.http("operator") as http:
        cycle = http.post("/v1/training/cycles", json={}).json()["id"]
        assert http.post(f"/v1/jobs/train:{cycle}/retry").json()["error"]["code"] == "conflict"
        token = ask(client, store.claim(cycle, "w", 60)) or 0
        ask(client, store.renew(cycle, token, 60, directory=str(folder)))
        assert http.get(f"/v1/jobs/train:{cycle}/log", params={"lines": 2}).text == "line 7\nline 8\n"
        ask(client, store.finish(cycle, token, "failed", "it died"))

        again = http.post(f"/v1/jobs/train:{cycle}/retry").json()
        assert (again["kind"], again["status"], again["scope"]) == ("train", "in_progress", "shared")
        assert again["cycle_id"] != cycle
        assert http.post(f"/v1/jobs/train:{cycle}/retry").json()["error"]["code"] == "cycle_unfinished"
        assert http.get(f"/v1/jobs/{again['id']}/log").text == ""

        ended = http.post(f"/v1/jobs/{again['id']}/cancel").json()
        assert (ended["id"], ended["status"]) == (again["id"], "cancelled")
        assert "cancelled by key:" in ended["reason"]
        assert http.post(f"/v1/jobs/{again['id']}/cancel").json()["error"]["code"] == "cycle_over"
        assert http.post(f"/v1/jobs/{again['id']}/retry").json()["status"] == "in_progress"


def test_no_floor_of_the_data_is_passed_over(server: LiveServer, client: redis.Redis) -> None:
    one = ask(client, store.create("shared", "schedule"))
    ask(client, store.finish(one.id, ask(client, store.claim(one.id, "w", 60)) or 0, "failed", "it is failed"))
    with server.http("operator") as http:
        assert http.post(f"/v1/jobs/train:{one.id}/retry").json()["error"]["code"] == "cycle_not_due"


@pytest.mark.parametrize("job", ["train:cycle_9", "nothing", "ingest:vs_x:file-y"])
def test_a_job_that_is_not_there(server: LiveServer, job: str) -> None:
    with server.http("operator") as http:
        for answer in (
            http.post(f"/v1/jobs/{job}/cancel"),
            http.post(f"/v1/jobs/{job}/retry"),
            http.get(f"/v1/jobs/{job}/log"),
        ):
            assert answer.status_code == 404


def test_an_operator_acting_for_somebody_reaches_what_that_person_may_read(server: LiveServer) -> None:
    job = queued(server, "a.md", b"Alpha is first.")
    store_id = job.split(":")[1]
    with server.http("operator") as http:
        http.post(f"/v1/vector_stores/{store_id}", json={"readers": ["group:staff"]})
        refused = http.post(f"/v1/jobs/{job}/cancel", headers={"X-Groundloop-User": "jane"})
        assert refused.json()["error"]["code"] == "vector_store_not_found"


def test_without_redis_only_cycles_are_out_of_reach(tmp_path: Path) -> None:
    with running(light_settings(tmp_path, None)) as server, server.http("operator") as http:
        job = queued(server, "a.md", b"Alpha is first.")
        assert http.post(f"/v1/jobs/{job}/cancel").status_code == 200
        assert http.post(f"/v1/jobs/{job}/retry").status_code == 200
        down = http.post("/v1/jobs/train:cycle_1/cancel")
        assert (down.status_code, down.json()["error"]["code"]) == (503, "redis_unavailable")


def test_the_log_of_one_at_work_shows_its_stage_and_nothing_of_a_name_begins_a_line() -> None:
    error = DocumentError("server_error", "first\nsecond")
    document = Document(
        "file-1", "vs_1", "a\u2028b.md", "", "in_progress", "embedding", 60, error, {}, 12_345, 0, 2, 0.0, 61.0
    )
    assert ingestion_log(document, 3).split("\n") == [
        "1970-01-01T00:00:00Z a b.md, 12,345 bytes, put into vs_1",
        "attempt 2 of 3",
        "[x] queued",
        "[x] parsing",
        "[x] chunking",
        "[>] embedding, 60 % of all",
        "[ ] indexing",
        "1970-01-01T00:01:01Z last heard of",
        "",
    ]
