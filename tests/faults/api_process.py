"""The API as a process that can be killed: `python -m tests.faults.api_process HOME PORT`; Redis is the home's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import uvicorn

from service.app import create_app
from tests.service.http_world import light_settings, load_light, wait_until


def main() -> None:
    """Serve until killed."""
    settings = light_settings(Path(sys.argv[1]), None, votes_per_minute=0)
    uvicorn.run(create_app(settings, load=load_light), host="127.0.0.1", port=int(sys.argv[2]), log_config=None)


def start_api(home: Path, port: int) -> subprocess.Popen[bytes]:
    """Start it, and wait until it answers."""
    process = subprocess.Popen([sys.executable, "-m", "tests.faults.api_process", str(home), str(port)])

    def answers() -> bool:
        assert process.poll() is None, "the API ended by itself"
        try:
            return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    wait_until(answers, 60)
    return process


if __name__ == "__main__":
    main()
