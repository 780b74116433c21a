"""`/v1/jobs`: every ingestion, once, with its progress and its error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.service.http_world import LiveServer, light_settings, running


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Give a server with three stores of two good files and a bad one each."""
    with running(light_settings(tmp_path_factory.mktemp("jobs"), None)) as live, live.http("operator") as http:
        stores = [http.post("/v1/vector_stores", json={"name": f"s{i}"}).json()["id"] for i in range(3)]
        for name, content in (("a.md", b"alpha beta"), ("b.md", b"gamma delta"), ("c.pdf", b"%PDF-1.7 no")):
            for store in stores:
                file = http.post("/v1/files", files={"file": (name, content)}).json()["id"]
                http.post(f"/v1/vector_stores/{store}/files", json={"file_id": file})
        yield live


def listed(server: LiveServer, **query: str) -> list[dict[str, Any]]:
    """Page through the jobs, two at a time."""
    jobs: list[dict[str, Any]] = []
    with server.http("operator") as http:
        while True:
            after = {"after": str(jobs[-1]["id"])} if jobs else {}
            page = http.get("/v1/jobs", params={"limit": "2", **query, **after}).json()
            jobs += page["data"]
            if not page["has_more"]:
                return jobs


def test_jobs_show_what_waits_and_what_came_of_it(server: LiveServer) -> None:
    waiting = listed(server)
    assert len({job["id"] for job in waiting}) == len(waiting) == 9
    assert {(job["status"], job["stage"], job["percent"]) for job in waiting} == {("in_progress", "queued", 0)}
    server.ingest()
    done = listed(server, status="completed")
    failed = listed(server, status="failed")
    assert (len(done), len(failed)) == (6, 3)
    assert {job["percent"] for job in done} == {100}
    assert all(job["last_error"] for job in failed)
    with server.http("operator") as http:
        assert http.get(f"/v1/jobs/{failed[0]['id']}").json() == failed[0]
        assert http.get("/v1/jobs/ingest:vs_x:file-y").status_code == 404


def test_jobs_come_by_time_over_all_stores(server: LiveServer) -> None:
    oldest_first = listed(server, order="asc")
    assert [job["filename"] for job in oldest_first] == ["a.md"] * 3 + ["b.md"] * 3 + ["c.pdf"] * 3
    assert len({job["vector_store_id"] for job in oldest_first[:3]}) == 3
    assert listed(server) == oldest_first[::-1]


def test_a_list_of_jobs_goes_on_after_one_that_has_changed_or_gone(server: LiveServer) -> None:
    jobs = listed(server)
    with server.http("operator") as http:
        first, second = jobs[:2]
        store = f"/v1/vector_stores/{second['vector_store_id']}"
        assert http.delete(f"{store}/files/{second['file_id']}").is_success
        rest = http.get("/v1/jobs", params={"after": second["id"]}).json()["data"]
        assert rest == jobs[2:]
        server.ingest()
        waiting = http.get("/v1/jobs", params={"after": first["id"], "status": "in_progress"})
        assert (waiting.status_code, waiting.json()["data"]) == (200, [])


@pytest.mark.parametrize("after", ["x", "ingest:vs_x:file-y", "ingest::", "ingest:s"])
def test_a_job_to_go_on_after_that_never_was_is_refused(server: LiveServer, after: str) -> None:
    with server.http("operator") as http:
        refused = http.get("/v1/jobs", params={"after": after})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "after")
