"""SIGTERM with answers under way: those that can end do, the others are told, and the process goes in time."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.chat.world import ask

pytestmark = pytest.mark.fault

TIMES = 3
GONE_WITHIN_S = 25
Q = "How many days of vacation do employees get?"


@pytest.mark.parametrize("turn", range(TIMES))
def test_a_stopping_process_truncates_nothing(tmp_path: Path, redis_url: str, turn: int) -> None:
    command = [sys.executable, "-m", "tests.faults.chat_server", str(tmp_path / "home"), redis_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port, key = process.stdout.readline().split()
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}/v1", headers={"Authorization": f"Bearer {key}"}, timeout=40
        )
        with client, ThreadPoolExecutor(12) as pool:

            def post(model: str, stream: bool) -> httpx.Response:
                return client.post("/chat/completions", json=ask(Q, model=model, stream=stream))

            endless = [pool.submit(post, "groundloop@slow-1", True) for _ in range(4)]
            streams = [pool.submit(post, "groundloop@short-1", True) for _ in range(3)]
            whole = [pool.submit(post, "groundloop@short-1", False) for _ in range(3)]
            hopeless = [pool.submit(post, "groundloop@slow-1", False) for _ in range(2)]
            time.sleep(0.7)
            told_at = time.monotonic()
            process.send_signal(signal.SIGTERM)

            for future in whole:
                assert future.result().status_code == 200
                assert future.result().json()["choices"][0]["finish_reason"] == "stop"
            for future in hopeless:
                assert future.result().status_code == 503
                assert future.result().json()["error"]["code"] == "shutting_down"
            for future in streams:
                assert events(future.result())[-2]["choices"][0]["answer_id"]
            for future in endless:
                assert events(future.result())[-2]["error"]["code"] == "shutting_down"
        process.wait(timeout=GONE_WITHIN_S)
        assert time.monotonic() - told_at < GONE_WITHIN_S
        assert process.returncode in (0, -signal.SIGTERM)


def events(response: httpx.Response) -> list[dict[str, Any]]:
    """Read a stream that must have ended properly."""
    lines = [line for line in response.text.split("\n\n") if line and not line.startswith(":")]
    assert lines[-1] == "data: [DONE]"
    return [*(json.loads(line[6:]) for line in lines[:-1]), {}]
