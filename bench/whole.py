"""A whole Groundloop for benchmarks: `groundloop up` as its user starts it, on a home of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench.peers import free_port
from bench.report import CACHE

READY_S = 180.0
TRIES = 30


@dataclass(frozen=True)
class Whole:
    """Where it runs, and what it takes."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]
    peak: dict[str, int]  # bytes, by part: the most that its processes held together

    @property
    def key(self) -> str:
        """The first admin key."""
        return (self.home / "admin.key").read_text().strip()

    def client(self) -> httpx.AsyncClient:
        """Give a client with the first admin key, which may name end users."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60.0)

    def get(self, path: str) -> dict[str, Any]:
        """Get JSON as the operator."""
        for _ in range(TRIES):
            answer = httpx.get(f"{self.url}{path}", headers={"Authorization": f"Bearer {self.key}"}, timeout=30.0)
            if answer.status_code != 503:
                break
            time.sleep(1.0)  # what `Retry-After` asks for
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post JSON as the operator."""
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = httpx.post(f"{self.url}{path}", json=body, headers=headers, timeout=30.0)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def ingest(self, folder: Path, collection: str) -> str:
        """Bring a folder into a collection and give the collection's id."""
        command = [sys.executable, "-m", "service.cli", "ingest", str(folder), "--collection", collection, "--json"]
        environment = {**os.environ, "GROUNDLOOP_HOME": str(self.home), "GROUNDLOOP_URL": self.url}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        return str(json.loads(done.stdout.splitlines()[-1])["collection"])


@contextlib.contextmanager
def whole(**settings: str) -> Iterator[Whole]:
    """Run everything on a fresh home until the block ends. Limits of requests and votes are off.

    Args:
        settings: By name, in small letters.

    Yields:
        The running service, ready.
    """
    with tempfile.TemporaryDirectory(prefix="groundloop-") as folder:
        home, port = Path(folder), free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDLOOP_")}
        environment.pop("REDIS_URL", None)
        environment |= {
            "GROUNDLOOP_REQUESTS_PER_MINUTE": "0",
            "GROUNDLOOP_VOTES_PER_MINUTE": "0",
            "GROUNDLOOP_ENCODER_CACHE": str(CACHE),
            **{f"GROUNDLOOP_{name.upper()}": value for name, value in settings.items()},
        }
        command = [sys.executable, "-m", "service.cli", "up", "--home", str(home), "--port", str(port), "--no-docs"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
        running = Whole(f"http://127.0.0.1:{port}", home, process, {})
        over = threading.Event()
        watcher = threading.Thread(target=_watch_memory, args=(running, over), daemon=True)
        try:
            _wait(lambda: _ready(running))
            watcher.start()
            yield running
        finally:
            over.set()
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()


def _ready(running: Whole) -> bool:
    if running.process.poll() is not None:
        raise SystemExit("the service ended while it started")
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{running.url}/readyz", timeout=5.0).status_code == 200
    return False


def _wait(true: Callable[[], bool]) -> None:
    end = time.monotonic() + READY_S
    while not true():
        if time.monotonic() > end:
            raise SystemExit(f"the service was not ready within {READY_S:.0f} s")
        time.sleep(0.2)


def _watch_memory(running: Whole, over: threading.Event) -> None:
    while not over.wait(1.0):
        parts = {"training": 0, "everything": 0}
        for process in psutil.Process(running.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                resident = process.memory_info().rss
                parts["everything"] += resident
                parts["training"] += resident * ("service.cycles.child" in " ".join(process.cmdline()))
        for name, taken in parts.items():
            running.peak[name] = max(running.peak.get(name, 0), taken)
