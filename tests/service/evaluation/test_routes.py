"""`/v1/evaluation` over HTTP, on a server that searches and answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from service.feedback import keys as feedback
from tests.service.evaluation.world import content_of, line, many
from tests.service.http_world import LiveServer, light_settings, running, wait_until
from training.evaluation.golden import read_golden

PATH = "/v1/evaluation"
DOCUMENT = b"# Vacation\n\nThere are 30 days of vacation. Ask your manager first.\n"
GOLDEN = content_of(
    line("How many days of vacation are there?", id="days", answers=["30 days"], documents=["handbook.md"]),
    line("How many days of vacation in the first year?", id="first year", answers=["15 days"]),
)


@pytest.fixture
def server(tmp_path: Path, redis_url: str) -> Iterator[LiveServer]:
    with running(light_settings(tmp_path, redis_url)) as live:
        yield live


@pytest.fixture
def http(server: LiveServer) -> Iterator[httpx.Client]:
    with server.http("operator") as client:
        yield client


def ingest(server: LiveServer) -> None:
    """Upload a document and take it in."""
    with server.http("operator") as client:
        store = client.post("/v1/vector_stores", json={"name": "docs"}).json()["id"]
        sent = {"file": ("handbook.md", DOCUMENT), "purpose": (None, "assistants")}
        file = client.post("/v1/files", files=sent).json()["id"]
        client.post(f"/v1/vector_stores/{store}/files", json={"file_id": file})
    server.ingest()


def ended(http: httpx.Client, run_id: str) -> dict[str, Any]:
    """Wait for a run's end."""
    wait_until(lambda: http.get(f"{PATH}/runs/{run_id}").json()["finished_at"] is not None)
    run: dict[str, Any] = http.get(f"{PATH}/runs/{run_id}").json()
    return run


def test_a_golden_set_is_uploaded_run_and_deleted(
    server: LiveServer, http: httpx.Client, redis_url: str, tmp_path: Path
) -> None:
    ingest(server)
    assert http.get(f"{PATH}/golden").json()["source"] == "none"
    refused = http.post(f"{PATH}/runs", json={})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "no_golden_set")

    golden = http.put(f"{PATH}/golden", content=GOLDEN)
    assert golden.status_code == 200, golden.text
    shown = golden.json()
    assert (shown["source"], shown["questions"]) == ("uploaded", 2)
    assert shown["sha256"] == hashlib.sha256(GOLDEN).hexdigest()
    assert shown["rows"][0]["expected"] == "30 days · handbook.md"
    assert (tmp_path / "evaluation" / "golden.jsonl").read_bytes() == GOLDEN

    (begun,) = http.get(f"{PATH}/runs").json()["data"]  # it is asked by itself
    run = ended(http, begun["id"])
    assert (run["state"], run["version"], run["percent"], run["unanswered"]) == ("completed", "base-extractive", 100, 0)
    figures = {one["name"]: one for one in run["figures"]}
    assert (figures["correct"]["value"], figures["correct"]["questions"]) == (0.5, 2)
    assert figures["document_recall"]["value"] == 1.0
    (failing,) = run["failing"]
    assert (failing["id"], failing["why"]) == ("first year", "It does not say: 15 days.")
    assert failing["citations"][0]["filepath"] == "handbook.md"
    assert http.get(f"{PATH}/golden").json()["by_gate"] == 2

    asked = http.post(f"{PATH}/runs", json={"version": "base-extractive"})
    assert asked.status_code == 202
    second = ended(http, asked.json()["id"])
    assert second["figures"] == run["figures"]
    listed = http.get(f"{PATH}/runs", params={"limit": 1}).json()
    assert ([one["id"] for one in listed["data"]], listed["has_more"]) == ([second["id"]], True)
    rest = http.get(f"{PATH}/runs", params={"after": second["id"]}).json()
    assert ([one["id"] for one in rest["data"]], rest["has_more"]) == ([run["id"]], False)
    over = http.post(f"{PATH}/runs/{run['id']}/cancel")
    assert (over.status_code, over.json()["error"]["code"]) == (409, "run_over")

    with redis.Redis.from_url(redis_url) as client:  # nothing of it is anybody's answer
        assert client.xlen(feedback.ANSWERS) == 0
    assert server.container.metrics.answers_total.labels("grounded")._value.get() == 0
    assert server.container.tally._counts == {}

    assert http.delete(f"{PATH}/golden").json()["source"] == "none"
    assert http.get(f"{PATH}/runs/{run['id']}").status_code == 200
    assert http.post(f"{PATH}/runs", json={}).status_code == 409


def test_every_wrong_line_is_told_and_nothing_is_kept(http: httpx.Client) -> None:
    answer = http.put(f"{PATH}/golden", content=b'{"question": "a"}\n{"questoin": "b"}\n[]\n')
    told = answer.json()["error"]
    assert (answer.status_code, told["code"], told["param"]) == (400, "invalid_golden_set", "body")
    assert "line 2: " in told["message"]
    assert "line 3: " in told["message"]
    assert http.put(f"{PATH}/golden", content=b"\n").json()["error"]["message"] == "the set holds no question"
    assert http.get(f"{PATH}/golden").json()["source"] == "none"
    assert http.get(f"{PATH}/runs").json()["data"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/runs/nothing", None, 404, "run_not_found"),
        ("POST", "/runs/nothing/cancel", None, 404, "run_not_found"),
        ("GET", "/runs?after=nothing", None, 400, "run_not_found"),
        ("POST", "/runs", {"version": "v000099-extractive"}, 404, "version_not_found"),
        ("POST", "/runs", {"version": ""}, 400, "invalid_value"),
        ("POST", "/runs", {"versoin": "v"}, 400, "invalid_value"),
    ],
)
def test_what_cannot_be_is_refused(
    http: httpx.Client, method: str, path: str, body: Any, status: int, code: str
) -> None:
    http.put(f"{PATH}/golden", content=many(1))
    answer = http.request(method, PATH + path, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text


def test_users_may_do_nothing_of_it(live: LiveServer) -> None:
    with live.http("user") as http:
        for method, path in (
            ("GET", "/golden"),
            ("PUT", "/golden"),
            ("DELETE", "/golden"),
            ("GET", "/runs"),
            ("POST", "/runs"),
        ):
            assert http.request(method, PATH + path, json={}).status_code == 403


def test_a_file_that_the_setting_names_is_shown_and_left_alone(tmp_path: Path, redis_url: str) -> None:
    mine = tmp_path / "mine.jsonl"
    mine.write_bytes(many(3))
    with running(light_settings(tmp_path / "home", redis_url, golden_set=mine)) as live, live.http("operator") as http:
        shown = http.get(f"{PATH}/golden").json()
        assert (shown["source"], shown["questions"], shown["problem"]) == ("setting", 3, "")
        for answer in (http.put(f"{PATH}/golden", content=many(1)), http.delete(f"{PATH}/golden")):
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "golden_set_by_setting")
        assert len(read_golden(mine)) == 3
        mine.write_bytes(b"nonsense")
        assert "JSON" in http.get(f"{PATH}/golden").json()["problem"]
        assert http.post(f"{PATH}/runs", json={}).json()["error"]["code"] == "no_golden_set"


def test_a_run_is_taken_up_again_by_the_next_server(tmp_path: Path, redis_url: str) -> None:
    settings = light_settings(tmp_path, redis_url)
    with running(settings, wait_loaded=False, load=_never) as live, live.http("operator") as http:
        run = http.put(f"{PATH}/golden", content=GOLDEN)
        assert run.status_code == 200
        (waiting,) = http.get(f"{PATH}/runs").json()["data"]
        again = http.post(f"{PATH}/runs", json={}).json()
        assert (again["id"], again["state"]) == (waiting["id"], "waiting")  # once is enough
    with running(settings) as live, live.http("operator") as http:
        assert ended(http, waiting["id"])["state"] == "completed"


def _never(*_: object) -> Any:
    raise RuntimeError("the models do not load")
