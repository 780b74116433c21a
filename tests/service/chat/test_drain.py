"""SIGTERM is heard first, and passed on only when its time has come; a second Ctrl-C does not wait."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from service.chat.drain import on_stop_signal

heard: list[str | int] = []


@pytest.fixture(autouse=True)
def before() -> Iterator[None]:
    """Stand in for the server's own handlers."""
    heard.clear()
    numbers = (signal.SIGTERM, signal.SIGINT)
    kept = [signal.signal(number, lambda number, frame: heard.append(number)) for number in numbers]
    yield
    for number, handler in zip(numbers, kept, strict=True):
        signal.signal(number, handler)


async def settled(count: int) -> None:
    """Wait until so much was heard."""
    for _ in range(1000):
        if len(heard) >= count:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(heard)


def test_a_stop_is_passed_on_after_the_delay() -> None:
    async def run() -> None:
        undo = on_stop_signal(lambda: heard.append("begin"), delay_s=0.2)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        await settled(1)
        assert heard == ["begin"]
        await settled(2)
        assert heard == ["begin", signal.SIGTERM]
        undo()
        signal.raise_signal(signal.SIGTERM)
        assert heard[2:] == [signal.SIGTERM]

    asyncio.run(run())


def test_a_second_interrupt_does_not_wait() -> None:
    async def run() -> None:
        undo = on_stop_signal(lambda: heard.append("begin"), delay_s=60)
        signal.raise_signal(signal.SIGINT)
        await settled(1)
        signal.raise_signal(signal.SIGINT)
        assert heard == ["begin", signal.SIGINT]
        undo()

    asyncio.run(run())
