"""Clients that leave in the middle of an answer: the work behind it stops, and nothing of it stays."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from service.chat.options import ChatOptions
from tests.service.chat.world import Served, SlowPolicy, World, ask, http, until

pytestmark = pytest.mark.fault

TIMES = 20
STOPPED_WITHIN_S = 2.0  # a bound against going on to the end
Q = "How many days of vacation do employees get?"


def start_asking(served: Served, world: World, *, stream: bool, n: int = 1) -> socket.socket:
    """Send a request over a bare socket, which can be closed at any moment."""
    body = json.dumps(ask(Q, stream=stream, n=n))
    host, port = served.url.removeprefix("http://").removesuffix("/v1").split(":")
    connection = socket.create_connection((host, int(port)))
    connection.sendall(
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {world.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    return connection


def tasks_of(world: World) -> int:
    """Count the tasks of the server's event loop."""

    async def count() -> int:
        return len(asyncio.all_tasks()) - 1

    return asyncio.run_coroutine_threadsafe(count(), world.loop).result(5)


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_client_that_leaves_stops_the_work(
    tmp_path: Path, redis_url: str, stream: bool, n: int, record_property: Callable[[str, object], None]
) -> None:
    policy = SlowPolicy(delay_s=0.01, words=3000)
    world = World(tmp_path, redis_url, [policy], ChatOptions(max_running=2))
    taken: list[float] = []
    with Served(world.app()) as served:
        for turn in range(TIMES + 2):
            if turn == 2:  # the pool has its threads now
                threads, tasks = threading.active_count(), tasks_of(world)
            connection = start_asking(served, world, stream=stream, n=n)
            until(lambda: policy.running == 1)
            if stream and n == 1:  # several answers come when they are whole
                assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            left_at = time.monotonic()
            connection.close()
            until(lambda: policy.running == 0)
            taken.append(policy.ended_at[-1] - left_at)

        until(lambda: world.gauge("admission_running") == 0)
        until(lambda: world.gauge("sse_open") == 0)
        until(lambda: tasks_of(world) <= tasks)
        assert threading.active_count() <= threads
        cancelled = world.metrics.registry.get_sample_value("groundloop_answers_total", {"outcome": "cancelled"})
        assert cancelled == (TIMES + 2) * n

        policy.words = 2
        with http(served, world) as client:  # and the next one is served
            assert client.post("/chat/completions", json=ask(Q)).status_code == 200
    record_property("stopped_after_s_max", max(taken[2:]))
    assert median(taken[2:]) <= STOPPED_WITHIN_S, sorted(taken)


def test_a_client_that_leaves_the_line_gives_up_its_turn(tmp_path: Path, redis_url: str) -> None:
    policy = SlowPolicy(delay_s=0.01, words=100)
    world = World(tmp_path, redis_url, [policy], ChatOptions(max_running=1))
    with Served(world.app()) as served:
        first = start_asking(served, world, stream=False)
        until(lambda: policy.running == 1)
        waiting = [start_asking(served, world, stream=i % 2 == 0) for i in range(5)]
        until(lambda: world.gauge("admission_queue_depth") == 5)
        for connection in waiting:
            connection.close()
        until(lambda: world.gauge("admission_queue_depth") == 0)
        assert first.recv(4096).startswith(b"HTTP/1.1 200")
        first.close()
        until(lambda: world.gauge("admission_running") == 0)
    assert len(policy.ended_at) == 1
