"""Several API processes on one home: a move that one of them was asked for is followed by all."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from service.redis.server import RedisServer
from service.scopes import SHARED
from service.settings import Settings
from service.versions.standing import registry_of
from tests.service.versions.finding import publish_finding
from tests.service.versions.swapping import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
PROCESSES = 3
LOOKS = 12 * PROCESSES  # each over a connection of its own, which any of the processes may take


@pytest.mark.parametrize("with_redis", [True, False])
def test_every_process_follows(tmp_path: Path, redis_server: RedisServer, with_redis: bool) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(home=tmp_path, embedding_model="hashing")
    environment = {
        **os.environ,
        "GROUNDLOOP_HOME": str(tmp_path),
        "GROUNDLOOP_PORT": str(port),
        "GROUNDLOOP_API_PROCESSES": str(PROCESSES),
        "GROUNDLOOP_EMBEDDING_MODEL": "hashing",
        "GROUNDLOOP_VERSION_POLL_S": "3600" if with_redis else "0.2",  # so that it is seen which of the two tells
    }
    environment |= {"REDIS_URL": redis_server.url} if with_redis else {}
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            parts = httpx.get(f"{url}/readyz", timeout=60, trust_env=False).json()["parts"]
        except httpx.TransportError:
            return False
        return bool(parts["policy"]["state"] == "ready")

    with (tmp_path / "api.log").open("wb") as log:
        serving = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "serve"], env=environment, stdout=log, stderr=log
        )
    try:
        until(lambda: all(ready() for _ in range(LOOKS)), 300)
        headers = {"Authorization": f"Bearer {(tmp_path / 'admin.key').read_text().strip()}"}

        def serves() -> str:
            """Name what the process serves that takes this connection."""
            answer = httpx.get(f"{url}/v1/versions", headers=headers, timeout=60, trust_env=False)
            (served,) = [version["id"] for version in answer.json()["data"] if version["share"] == 1]
            return str(served)

        registry = registry_of(settings, SHARED)
        for number in range(3):
            name = publish_finding(registry, number)
            body = {"force": True, "reason": "a test"}
            moved = httpx.post(
                f"{url}/v1/versions/{name}/promote", json=body, headers=headers, timeout=120, trust_env=False
            )
            assert moved.status_code == 200, moved.text
            started = time.monotonic()
            until(lambda n=name: all(serves() == n for _ in range(LOOKS)))
            assert time.monotonic() - started < 150
    finally:
        serving.terminate()
        serving.wait(60)
