"""The link to Redis: fails fast while it is away or stalled, comes back by itself, follows it to another port."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis.exceptions
from redis.asyncio import Redis

from service.redis.link import RedisLink
from service.redis.refused import RedisRefused
from service.redis.server import RedisServer


async def no_problems(client: Redis) -> list[str]:
    """Find nothing wrong."""
    return []


@asynccontextmanager
async def linked(
    address: Callable[[], str | None],
    check: Callable[[Redis], Awaitable[list[str]]] = no_problems,
    *,
    unsafe_ok: bool = False,
) -> AsyncIterator[RedisLink]:
    """Start a link with quick probes."""
    link = RedisLink(address, timeout_s=0.5, check=check, unsafe_ok=unsafe_ok, probe_s=0.05)
    await link.start()
    try:
        yield link
    finally:
        await link.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the state is not ours to wake from
            await asyncio.sleep(0.01)


def test_commands_go_through_while_redis_is_up(redis_url: str) -> None:
    async def run() -> None:
        async with linked(lambda: redis_url) as link:
            assert link.state == "up"
            await link.client.set("a", "1")
            assert await link.client.get("a") == b"1"

    asyncio.run(run())


def test_without_an_address_commands_are_refused_with_what_would_help() -> None:
    async def run() -> None:
        async with linked(lambda: None) as link:
            with pytest.raises(RedisRefused, match="groundloop up"):
                await link.client.get("a")

    asyncio.run(run())


def test_an_address_that_nobody_listens_on_is_down() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{taken.getsockname()[1]}"

        async def run() -> None:
            async with linked(lambda: url) as link:
                assert link.state == "down"
                with pytest.raises(RedisRefused):
                    await link.client.get("a")

        asyncio.run(run())


def test_problems_close_the_gate_unless_they_are_accepted(redis_url: str) -> None:
    async def problems(client: Redis) -> list[str]:
        return ["it forgets"]

    async def run() -> None:
        async with linked(lambda: redis_url, problems) as link:
            assert link.state == "unsafe"
            with pytest.raises(RedisRefused, match="it forgets"):
                await link.client.get("a")
        async with linked(lambda: redis_url, problems, unsafe_ok=True) as link:
            assert link.state == "up"
            await link.client.get("a")

    asyncio.run(run())


def test_a_stalled_redis_fails_fast_and_comes_back(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    url = server.start()
    assert server.pid is not None

    async def run() -> None:
        async with linked(lambda: url) as link:
            await link.client.set("a", "1")
            os.kill(server.pid or 0, signal.SIGSTOP)
            waits = []
            for _ in range(30):
                started = time.monotonic()
                with pytest.raises((redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)):
                    await link.client.get("a")
                waits.append(time.monotonic() - started)
                await asyncio.sleep(0.01)
            assert link.state == "down"
            assert sum(wait > 0.25 for wait in waits) <= 1  # only one command met the stall itself
            os.kill(server.pid or 0, signal.SIGCONT)
            await until(lambda: link.state == "up")
            assert await link.client.get("a") == b"1"

    try:
        asyncio.run(run())
    finally:
        os.kill(server.pid, signal.SIGCONT)
        server.stop()


def test_a_redis_that_moved_is_followed(tmp_path: Path) -> None:
    first, second = RedisServer(tmp_path / "one"), RedisServer(tmp_path / "two")
    addresses = [first.start()]

    async def run() -> None:
        async with linked(lambda: addresses[-1]) as link:
            await asyncio.gather(*(link.client.set(f"key{i}", "old") for i in range(5)))  # five idle connections
            await asyncio.to_thread(first.stop)
            await until(lambda: link.state == "down")
            addresses.append(await asyncio.to_thread(second.start))
            await until(lambda: link.state == "up")
            assert await asyncio.gather(*(link.client.get(f"key{i}") for i in range(5))) == [None] * 5

    try:
        asyncio.run(run())
    finally:
        first.stop()
        second.stop()
