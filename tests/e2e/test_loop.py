"""Votes become the champion with nobody touching anything, a vote tells what became of it, and one call goes back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.firms import Judged, accuracy, firms, visit, write_documents
from tests.e2e.running import RunningGroundloop, free_port

OPTIONS = """
[reward]
precision = 100.0
semantic = 0.0
heads = 4

[update]
epochs = 40
"""
MOST_VISITS = 12


@pytest.fixture
def learning(tmp_path: Path) -> Iterator[RunningGroundloop]:
    (tmp_path / "options.toml").write_text(OPTIONS)
    running = RunningGroundloop(
        tmp_path / "home",
        free_port(),
        "--no-docs",
        extractive_start="similarity",
        train_options=str(tmp_path / "options.toml"),
        train_check_interval_s="2",
        train_min_interval_s="0",
        watch_interval_s="2",
        votes_per_minute="0",
        requests_per_minute="0",
    )
    yield running
    running.destroy()


def champion(http: httpx.Client) -> str:
    return next(str(one["id"]) for one in listed(http, "/v1/versions") if "champion" in one["aliases"])


def cycles(http: httpx.Client) -> list[dict[str, Any]]:
    return listed(http, "/v1/training/cycles")


def listed(http: httpx.Client, path: str) -> list[dict[str, Any]]:
    """Give a list; a busy machine may ask to come back for it."""
    end = time.monotonic() + 60
    while (answer := http.get(path)).status_code == 503 and time.monotonic() < end:
        time.sleep(1)
    found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_votes_over_http_put_a_better_version_in_service_and_one_call_goes_back(
    learning: RunningGroundloop, tmp_path: Path
) -> None:
    learning.wait_for("ready")
    known = firms(110)
    asked, unseen = known[:240], known[240:]
    write_documents(tmp_path / "firms", known)
    assert learning.cli("ingest", str(tmp_path / "firms"), "--collection", "firms").returncode == 0
    with learning.http() as http:
        start = champion(http)
        said: list[Judged] = []
        for number in range(MOST_VISITS):
            said += visit(http, asked, seed=number)
            _settle(http)
            if champion(http) != start:
                break
        better = champion(http)
        assert better != start, [(one["state"], one["reason"]) for one in cycles(http)]
        before, after = (accuracy(http, unseen, f"groundloop@{name}") for name in (start, better))
        assert after > before

        served = http.post(
            "/v1/chat/completions",
            json={"model": "groundloop", "messages": [{"role": "user", "content": unseen[0].text}]},
        ).json()
        assert served["system_fingerprint"] == better

        cycle = next(one for one in cycles(http) if one["version"] == better)
        assert cycle["state"] == "promoted"
        told = [_vote(http, one) for one in said[:40]]
        counted = [one for one in told if any(event["version"] == better for event in one["lineage"])]
        assert counted, [one["summary"] for one in told]
        assert better in counted[0]["summary"]

        back = http.post("/v1/versions/rollback", json={"reason": "a test of the way back"})
        assert back.status_code == 200, back.text
        assert champion(http) == start
        _wait_for_version(http, unseen[0].text, start)


def _settle(http: httpx.Client) -> None:
    """Give the schedule time to start a cycle and to end it."""
    time.sleep(5)
    end = time.monotonic() + 240
    while any(one["state"] in ("waiting", "running") for one in cycles(http)):
        assert time.monotonic() < end
        time.sleep(0.5)
    time.sleep(5)  # for the watch


def _vote(http: httpx.Client, said: Judged) -> dict[str, Any]:
    headers = {"X-Groundloop-User": said.person}
    found: dict[str, Any] = http.get(f"/v1/answers/{said.answer_id}/vote", headers=headers).raise_for_status().json()
    return found


def _wait_for_version(http: httpx.Client, question: str, version: str) -> None:
    end = time.monotonic() + 60
    body = {"model": "groundloop", "messages": [{"role": "user", "content": question}]}
    while (served := http.post("/v1/chat/completions", json=body).json()["system_fingerprint"]) != version:
        assert time.monotonic() < end, served
        time.sleep(0.2)
