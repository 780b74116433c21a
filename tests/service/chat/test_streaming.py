"""Streams on the wire: heartbeats, early and late failures, readers that stall, a server that stops."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from service.chat.options import ChatOptions
from tests.service.chat.world import Served, SlowPolicy, World, ask, http, until
from training.policy.base import Answer, Delta, PolicyUnavailable, Prompt, Sampling

Q = "How many days of vacation do employees get?"
PATH = "/chat/completions"


class BreakingPolicy:
    """Fails after some pieces."""

    version = "breaking-1"

    def __init__(self, after: int) -> None:
        self.after = after

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[Delta]:
        """Give a few words and break."""
        for _ in range(self.after):
            yield Delta("word ")
        raise PolicyUnavailable("the model server is away", retry_after_s=7)

    def sample(
        self, prompts: Sequence[Prompt], n: int, sampling: Sampling, *, cancelled: Callable[[], bool] | None = None
    ) -> list[list[Answer]]:
        """Break."""
        raise PolicyUnavailable("the model server is away", retry_after_s=7)

    def close(self) -> None:
        """Nothing to release."""


def test_a_silent_stream_is_kept_open_by_comments(tmp_path: Path, redis_url: str) -> None:
    world = World(tmp_path, redis_url, [SlowPolicy(0.2, words=3)], ChatOptions(heartbeat_s=0.05, headers_wait_s=0.01))
    with Served(world.app()) as served, http(served, world) as client:
        response = client.post(PATH, json=ask(Q, stream=True))
    lines = [line for line in response.text.split("\n\n") if line]

    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-accel-buffering"] == "no"
    assert lines.count(": ping") >= 5
    assert lines[-1] == "data: [DONE]"
    assert all(line.startswith("data: {") for line in lines[:-1] if line != ": ping")


@pytest.mark.parametrize("stream", [True, False])
def test_what_fails_early_has_its_own_status(tmp_path: Path, redis_url: str, stream: bool) -> None:
    world = World(tmp_path, redis_url, [BreakingPolicy(0)])
    with Served(world.app()) as served, http(served, world) as client:
        response = client.post(PATH, json=ask(Q, stream=stream))

    assert response.status_code == 503
    assert response.headers["retry-after"] == "7"
    assert response.json()["error"]["code"] == "policy_unavailable"
    assert world.metrics.registry.get_sample_value("groundloop_answers_total", {"outcome": "error"}) == 1


def test_what_fails_late_ends_the_stream_with_the_error(tmp_path: Path, redis_url: str) -> None:
    world = World(tmp_path, redis_url, [BreakingPolicy(2)])
    with Served(world.app()) as served, http(served, world) as client:
        response = client.post(PATH, json=ask(Q, stream=True))
    events = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]

    assert response.status_code == 200
    assert json.loads(events[-2])["error"]["code"] == "policy_unavailable"
    assert events[-1] == "[DONE]"
    assert world.gauge("sse_open") == 0


def test_an_answer_that_takes_too_long_is_ended(tmp_path: Path, redis_url: str) -> None:
    policy = SlowPolicy()
    world = World(tmp_path, redis_url, [policy], ChatOptions(answer_timeout_s=0.2))
    with Served(world.app()) as served, http(served, world) as client:
        response = client.post(PATH, json=ask(Q))
        streamed = client.post(PATH, json=ask(Q, stream=True))
        until(lambda: policy.running == 0)

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "answer_timeout"
    assert "answer_timeout" in streamed.text


def test_a_reader_that_takes_nothing_loses_its_place(tmp_path: Path, redis_url: str) -> None:
    policy = SlowPolicy(0.0, words=100_000, padding=50_000)
    world = World(tmp_path, redis_url, [policy], ChatOptions(send_timeout_s=0.3))
    body = json.dumps(ask(Q, stream=True))
    request = (
        f"POST /v1{PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {world.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    with Served(world.app()) as served:
        host, port = served.url.removeprefix("http://").removesuffix("/v1").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(request.encode())
            until(lambda: policy.running == 1)
            until(lambda: policy.running == 0)
            until(lambda: world.gauge("sse_open") == 0)


def test_a_stopping_server_ends_its_streams_with_an_event(tmp_path: Path, redis_url: str) -> None:
    world = World(tmp_path, redis_url, [SlowPolicy()], ChatOptions(drain_s=0.1))
    with Served(world.app()) as served, http(served, world) as client:
        with client.stream("POST", PATH, json=ask(Q, stream=True)) as response:
            lines = response.iter_lines()
            next(lines)
            world.stop_soon()
            rest = [line for line in lines if line]
        refused = client.post(PATH, json=ask(Q))

    assert json.loads(rest[-2][6:])["error"]["code"] == "shutting_down"
    assert rest[-1] == "data: [DONE]"
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "5"
