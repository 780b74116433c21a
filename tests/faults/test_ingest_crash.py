"""SIGKILL of API, worker and ingest process while documents come in: none that was acknowledged stays in limbo."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.running import RunningGroundloop, ask, free_port, wait_until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

ROUNDS = 5
SETTLED_S = 150.0  # against hanging; on an idle machine it is seconds
WORDS = ("harbour", "lantern", "orchard", "granite", "willow", "copper", "meadow", "raven", "saddle", "tunnel")
VICTIMS = {"api": ("service.cli", "serve"), "worker": ("service.cli", "worker"), "child": ("ingest_process",)}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningGroundloop]:
    running = RunningGroundloop(
        tmp_path / "home",
        free_port(),
        "--no-docs",
        ingest_lease_s="5",
        sweep_interval_s="2",
        ingest_attempts="10",  # more than we kill, so that what fails has a reason of its own
        requests_per_minute="0",
    )
    running.wait_for("ready")
    yield running
    running.destroy()


class Uploader:
    """Uploads without pause and remembers what was acknowledged; a server that is gone is waited for."""

    def __init__(self, running: RunningGroundloop, collection: str) -> None:
        self.acknowledged: list[str] = []
        self._running = running
        self._collection = collection
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Uploader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        rng = random.Random(7)
        number = 0
        while not self._stop.is_set():
            number += 1
            text = f"# Note {number}\n\n" + " ".join(rng.choices(WORDS, k=300))
            try:
                with self._running.http() as http:
                    sent = http.post(
                        "/v1/files", data={"purpose": "assistants"}, files={"file": (f"{number}.md", text)}
                    )
                    if sent.status_code != 200:
                        continue
                    file_id = sent.json()["id"]
                    attached = http.post(f"/v1/vector_stores/{self._collection}/files", json={"file_id": file_id})
                    if attached.status_code == 200:
                        self.acknowledged.append(file_id)
            except httpx.HTTPError:
                time.sleep(0.1)
            time.sleep(0.02)


@pytest.mark.parametrize("victim", VICTIMS)
def test_every_acknowledged_document_is_completed_or_failed_with_a_reason(
    running: RunningGroundloop, victim: str
) -> None:
    rng = random.Random(victim)
    with running.http() as http:
        collection = http.post("/v1/vector_stores", json={"name": "notes"}).json()["id"]
    with Uploader(running, collection) as uploader:
        for _ in range(ROUNDS):
            seen = len(uploader.acknowledged)
            wait_until(lambda seen=seen: len(uploader.acknowledged) > seen + 5, timeout_s=120)
            wait_until(lambda: running.member(*VICTIMS[victim]), timeout_s=120)
            time.sleep(rng.uniform(0.0, 1.0))
            for process in running.member(*VICTIMS[victim])[:1]:
                process.kill()
        wait_until(lambda: _is_ready(running), timeout_s=170)
    assert len(uploader.acknowledged) > 5 * ROUNDS

    wait_until(lambda: _unsettled(running, collection, uploader.acknowledged) == [], timeout_s=SETTLED_S)
    with running.http() as http:
        for file_id in uploader.acknowledged:
            document = http.get(f"/v1/vector_stores/{collection}/files/{file_id}").json()
            assert document["status"] == "completed" or document["last_error"]["message"], document
        found = http.post(f"/v1/vector_stores/{collection}/search", json={"query": "harbour lantern"})
        assert found.json()["data"]
        assert ask(http, "harbour lantern orchard?")["message"]["content"]
    assert running.stop() == 0


def _unsettled(running: RunningGroundloop, collection: str, acknowledged: list[str]) -> list[str]:
    with running.http() as http:
        unsettled: list[str] = []
        after: dict[str, str] = {}
        while True:
            query = {"filter": "in_progress", "limit": "100", **after}
            page = http.get(f"/v1/vector_stores/{collection}/files", params=query).json()
            unsettled.extend(document["id"] for document in page["data"] if document["id"] in acknowledged)
            if not page["has_more"]:
                return unsettled
            after = {"after": page["data"][-1]["id"]}


def _is_ready(running: RunningGroundloop) -> bool:
    try:
        return httpx.get(f"{running.url}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
