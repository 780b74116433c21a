"""Other systems for comparison, each in a virtual environment of its own (`--peer-python`), run as its own process."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx


def free_port() -> int:
    """Give a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_http(url: str, *, timeout_s: float = 120.0, headers: dict[str, str] | None = None) -> None:
    """Wait until the address answers with a 2xx."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, headers=headers, timeout=2).is_success:
                return
        time.sleep(0.2)
    raise SystemExit(f"{url} did not answer within {timeout_s:.0f} s")


@contextlib.contextmanager
def txtai_api(python: Path, model: Path) -> Iterator[tuple[str, int]]:
    """Run txtai's own API (hybrid search, content stored) on the given model; yields host and port."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "app.yml"
        config.write_text(f"writable: true\nembeddings:\n  path: {model}\n  hybrid: true\n  content: true\n")
        port = free_port()
        process = subprocess.Popen(
            [str(python), "-m", "uvicorn", "--port", str(port), "--log-level", "warning", "txtai.api:app"],
            env={**os.environ, "CONFIG": str(config), "HF_HUB_OFFLINE": "1"},
            cwd=folder,
        )
        try:
            wait_http(f"http://127.0.0.1:{port}/count")
            yield "127.0.0.1", port
        finally:
            process.terminate()
            process.wait(20)
