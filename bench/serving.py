"""A real `groundloop serve` process over a home filled in advance, for benchmarks that go over HTTP."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.peers import free_port, wait_http
from bench.report import CACHE
from service.redis.server import RedisServer


@dataclass(frozen=True, slots=True)
class Served:
    """Where the server is, an admin key for it, and its process id."""

    host: str
    port: int
    key: str
    pid: int

    def rss_bytes(self) -> int:
        """Resident memory of the API process now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0


@contextlib.contextmanager
def serve(home: Path, **settings: str) -> Iterator[Served]:
    """Run Redis and one API process on this home; request limits are off. Yields once `/readyz` is 200."""
    redis = RedisServer(home)
    redis.start()
    port = free_port()
    environment = {
        **os.environ,
        "REDIS_URL": redis.url,
        "GROUNDLOOP_HOME": str(home),
        "GROUNDLOOP_PORT": str(port),
        "GROUNDLOOP_REQUESTS_PER_MINUTE": "0",
        "GROUNDLOOP_VOTES_PER_MINUTE": "0",
        "GROUNDLOOP_LOG_LEVEL": "warning",
        "GROUNDLOOP_ENCODER_CACHE": str(CACHE),
        **{f"GROUNDLOOP_{name.upper()}": value for name, value in settings.items()},
    }
    process = subprocess.Popen([sys.executable, "-m", "service.cli", "serve"], env=environment)
    try:
        wait_http(f"http://127.0.0.1:{port}/readyz")
        yield Served("127.0.0.1", port, (home / "admin.key").read_text().strip(), process.pid)
    finally:
        process.terminate()
        process.wait(40)
        redis.stop()
