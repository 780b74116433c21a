"""`groundloop up`, whole: documents in, an answer out, a vote kept; it stops, starts again, and nothing is gone."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from service.up.run import QUESTION
from tests.e2e.running import RunningGroundloop, ask, free_port, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

HANDBOOK = """# Office handbook

## Holidays

Every employee of Northwind has thirty days of paid holiday a year.

## Keys

The key of the boat house hangs behind the reception desk.
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def started(home: Path) -> Iterator[list[RunningGroundloop]]:
    started: list[RunningGroundloop] = []
    yield started
    for running in started:
        running.destroy()


def up(started: list[RunningGroundloop], home: Path, *options: str, **settings: str) -> RunningGroundloop:
    running = RunningGroundloop(home, free_port(), *options, **settings)
    started.append(running)
    running.wait_for("ready")
    return running


def test_the_whole_way_and_back(started: list[RunningGroundloop], home: Path, tmp_path: Path) -> None:
    first = up(started, home, "--no-docs")
    assert "gl_" in str(first.wait_for("key"))
    address, token = str(first.wait_for("open")).split()[1].split("/#sign-in=")
    with httpx.Client(base_url=address) as browser:
        assert "<script" in browser.get("/").text
        assert browser.post("/v1/session", json={"link": token}).json()["role"] == "admin"
        assert browser.get("/v1/keys").status_code == 200
        assert browser.post("/v1/session", json={"link": token}).status_code == 401
    (tmp_path / "handbook.md").write_text(HANDBOOK)

    brought = first.cli("ingest", str(tmp_path / "handbook.md"), "--collection", "office", "--json")
    assert brought.returncode == 0, brought.stderr
    assert json.loads(brought.stdout.splitlines()[0])["outcome"] == "completed"
    with first.http() as http:
        choice = ask(http, "How many days of paid holiday does an employee have?")
        assert "thirty days" in choice["message"]["content"]
        answer_id = choice["answer_id"]
        vote = http.put(f"/v1/answers/{answer_id}/vote", json={"rating": "up", "comment": "right"})
        assert vote.status_code == 200, vote.text
    asked = first.cli("ask", "Where does the key of the boat house hang?", "--collection", "office")
    assert asked.returncode == 0, asked.stderr
    assert "reception desk" in asked.stdout
    assert "[1] " in asked.stdout
    found = first.cli("search", "boat house key", "--collection", "office", "--json")
    assert "reception" in json.loads(found.stdout)["data"][0]["content"][0]["text"]

    family = first.family()
    assert first.stop() == 0
    psutil.wait_procs(family, timeout=10)
    assert [process for process in family if process.is_running()] == []

    again = up(started, home, "--no-docs")
    assert "gl_" not in str(again.wait_for("key"))
    unchanged = again.cli("ingest", str(tmp_path / "handbook.md"), "--collection", "office", "--json")
    assert json.loads(unchanged.stdout.splitlines()[0])["outcome"] == "unchanged"
    with again.http() as http:
        assert "thirty days" in ask(http, "How many days of paid holiday does an employee have?")["message"]["content"]
        kept = http.get(f"/v1/answers/{answer_id}/vote").json()
        assert kept["vote"]["rating"] == "up"
        assert kept["vote"]["comment"] == "right"
    assert again.stop() == 0


def test_a_second_one_is_refused_on_the_same_home_and_welcome_on_another(
    started: list[RunningGroundloop], home: Path
) -> None:
    first = up(started, home, "--no-docs")
    second = RunningGroundloop(home, free_port(), "--no-docs")
    started.append(second)
    assert second.process.wait(60) == 4
    assert str(first.process.pid) in second.errors()
    other = up(started, home.with_name("other"), "--no-docs")
    with first.http() as here, other.http() as there:
        assert here.get("/v1/models").status_code == 200
        assert there.get("/v1/models").status_code == 200
        assert here.get("/v1/models", headers=dict(there.headers)).status_code == 401


def test_what_dies_is_started_again(started: list[RunningGroundloop], home: Path) -> None:
    running = up(started, home, "--no-docs")
    for command in ("serve", "worker", "beat"):
        (victim, *_) = running.member("service.cli", command)
        victim.kill()
        wait_until(partial(_replaced, running, command, victim.pid))
    running.member("redis-server")[0].kill()
    wait_until(lambda: running.member("redis-server"))
    with running.http() as http:
        wait_until(lambda: _is_ready(http), timeout_s=170)
    assert running.stop() == 0


def test_sigkill_takes_the_children_along_and_the_next_start_works(
    started: list[RunningGroundloop], home: Path
) -> None:
    first = up(started, home, "--no-docs")
    ours = [process for process in first.family() if "redis-server" not in " ".join(process.cmdline())]
    first.process.kill()
    first.process.wait()
    psutil.wait_procs(ours, timeout=20)
    assert [process for process in ours if process.is_running()] == []
    assert up(started, home, "--no-docs").stop() == 0


def test_its_own_documentation_can_be_asked_about(started: list[RunningGroundloop], home: Path) -> None:
    running = up(started, home)
    assert "groundloop-docs" in running.wait_for("docs")
    listed = running.cli("collections", "list", "--json")
    assert [store["name"] for store in json.loads(listed.stdout)] == ["groundloop-docs"]
    with running.http() as http:
        question = {"model": "groundloop", "messages": [{"role": "user", "content": QUESTION}]}
        [choice] = http.post("/v1/chat/completions", json=question).json()["choices"]
    context = choice["message"]["context"]
    assert not context["abstained"], "the question that the first start suggests has an answer"
    assert context["citations"]
    assert all(citation["verified"] for citation in context["citations"])


def test_a_taken_port_is_told_before_anything_starts(started: list[RunningGroundloop], home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = RunningGroundloop(home, taken.getsockname()[1])
        started.append(refused)
        assert refused.process.wait(60) == 4
    assert "GROUNDLOOP_PORT" in refused.errors()
    assert not (home / "redis").exists()


def _replaced(running: RunningGroundloop, command: str, pid: int) -> bool:
    return any(process.pid != pid for process in running.member("service.cli", command))


def _is_ready(http: httpx.Client) -> bool:
    try:
        return http.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False
