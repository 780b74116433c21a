"""A stopping API, in one process and in several: it says so, goes on for a while, and leaves."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from tests.service.http_world import wait_until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]
DRAIN_S = 3.0


@pytest.mark.parametrize("processes", [1, 2])
def test_every_process_says_that_it_goes_and_answers_until_then(tmp_path: Path, processes: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "GROUNDLOOP_HOME": str(tmp_path),
        "GROUNDLOOP_PORT": str(port),
        "GROUNDLOOP_API_PROCESSES": str(processes),
        "GROUNDLOOP_DRAIN_S": str(DRAIN_S),
    }
    url = f"http://127.0.0.1:{port}"

    def states() -> dict[str, str] | None:
        """Ask over a new connection, which any of the processes may take."""
        try:
            parts = httpx.get(f"{url}/readyz", timeout=5, trust_env=False).json()["parts"]
        except httpx.TransportError:
            return None
        return {name: part["state"] for name, part in parts.items()}

    with (tmp_path / "api.log").open("wb") as log:
        serving = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "serve"], env=environment, stdout=log, stderr=log
        )
    try:
        for _ in range(3 * processes):  # all of them, most likely
            wait_until(lambda: (states() or {}).get("search") == "ready", 120)
        key = (tmp_path / "admin.key").read_text().strip()
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{url}/v1/keys", headers=headers, trust_env=False).status_code == 200
        assert key not in (tmp_path / "api.log").read_text()
        children = psutil.Process(serving.pid).children(recursive=True)
        serving.send_signal(signal.SIGTERM)
        told = time.monotonic()
        wait_until(lambda: (states() or {}).get("server") == "draining", DRAIN_S)
        while time.monotonic() < told + DRAIN_S / 2:
            assert (states() or {}).get("server") == "draining"
            time.sleep(0.05)
        assert serving.wait(30) in (0, -signal.SIGTERM)
        assert time.monotonic() - told >= DRAIN_S
        assert states() is None
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive
    finally:
        serving.kill()
        serving.wait()
