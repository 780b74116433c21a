"""Two API processes of one parent: whichever is scraped tells of both, each sample by its process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from service.metrics_peers import Peers, merged

STARTS_WITHIN_S = 150.0


def totals(text: str, name: str) -> dict[str, float]:
    """Sum the samples of one name by process."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name:
                found[sample.labels["process"]] = found.get(sample.labels["process"], 0.0) + sample.value
    return found


def counting(value: float) -> bytes:
    """Give the metrics of a process that counted."""
    registry = CollectorRegistry()
    Counter("seen", "What was seen", ("kind",), registry=registry).labels('a\n"b\\').inc(value)
    return generate_latest(registry)


def test_families_stay_whole_and_every_sample_names_its_process() -> None:
    text = merged({0: counting(1).decode(), 3: counting(2).decode()}).decode()
    assert text.count("# TYPE seen_total counter") == 1
    assert totals(text, "seen_total") == {"0": 1.0, "3": 2.0}
    (family, *_) = text_string_to_metric_families(text)
    assert {sample.labels["kind"] for sample in family.samples} == {'a\n"b\\'}


def test_peers_find_each_other_whatever_the_length_of_the_path(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)

    async def run() -> None:
        peers = [Peers(folder, lambda n=n: counting(n)) for n in (1, 2, 4)]  # type: ignore[misc]
        for peer in peers:
            await peer.start()
        assert [peer.place for peer in peers] == [0, 1, 2]
        for peer in peers:
            text = (await asyncio.to_thread(peer.gather)).decode()
            assert totals(text, "seen_total") == {"0": 1.0, "1": 2.0, "2": 4.0}
        await peers[1].close()
        text = (await asyncio.to_thread(peers[0].gather)).decode()
        assert totals(text, "seen_total") == {"0": 1.0, "2": 4.0}
        again = Peers(folder, lambda: counting(8))
        await again.start()
        assert again.place == 1
        for peer in (peers[0], peers[2], again):
            await peer.close()

    asyncio.run(run())


def test_what_a_dead_parent_left_is_removed(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait(30)
    (tmp_path / str(gone.pid)).mkdir()

    async def run() -> None:
        peer = Peers(tmp_path, lambda: counting(1))
        await peer.start()
        await peer.close()

    asyncio.run(run())
    assert [path.name for path in tmp_path.iterdir()] == [str(os.getppid())]


@pytest.fixture
def two(tmp_path: Path, redis_url: str) -> Iterator[tuple[list[httpx.Client], list[subprocess.Popen[bytes]]]]:
    """Start two processes over one home, each on a port of its own so that a request can choose."""
    processes, clients = [], []
    with ExitStack() as stack:
        for _ in range(2):
            with socket.socket() as taken:
                taken.bind(("127.0.0.1", 0))
                port = taken.getsockname()[1]
            command = [sys.executable, "-m", "tests.service.metrics_process", str(tmp_path), str(port), redis_url]
            process = subprocess.Popen(command)
            stack.callback(process.wait, 60)
            stack.callback(process.kill)
            client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30))
            deadline = time.monotonic() + STARTS_WITHIN_S
            while not _alive(client):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            processes.append(process)
            clients.append(client)
        yield clients, processes


def _alive(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.slow
def test_a_scrape_of_either_tells_of_both(
    tmp_path: Path, two: tuple[list[httpx.Client], list[subprocess.Popen[bytes]]]
) -> None:
    from service.access.keys import KeyStore

    clients, processes = two
    keys = KeyStore(tmp_path / "keys.db")
    _, secret = keys.create("scraper", role="operator")
    keys.close()
    headers = {"Authorization": f"Bearer {secret}"}
    for client, count in zip(clients, (3, 5), strict=True):
        for _ in range(count):
            client.get("/v1/models", headers=headers)
    for client in clients:
        text = client.get("/metrics", headers=headers).text
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "groundloop_http_requests_total" and sample.labels["route"] == "/v1/models":
                    found[sample.labels["process"]] = sample.value
        assert found == {"0": 3.0, "1": 5.0}
        assert set(totals(text, "process_cpu_seconds_total")) == {"0", "1"}
    os.kill(processes[1].pid, signal.SIGKILL)
    processes[1].wait(60)
    text = clients[0].get("/metrics", headers=headers).text
    assert set(totals(text, "process_cpu_seconds_total")) == {"0"}
