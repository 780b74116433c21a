"""A blocking iterator, read from the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from service.chat.bridge import CancelToken, ThreadStream


async def read_all(stream: ThreadStream[int]) -> list[int]:
    items = []
    while (item := await stream.next()) is not None:
        items.append(item)
    return items


def test_items_come_in_order_however_slow_the_reader() -> None:
    async def run(pool: ThreadPoolExecutor) -> list[int]:
        return await read_all(ThreadStream(pool, lambda token: iter(range(500)), depth=3))

    with ThreadPoolExecutor(1) as pool:
        assert asyncio.run(run(pool)) == list(range(500))


def test_a_thread_waits_for_its_reader() -> None:
    made = []

    def numbers(token: CancelToken) -> Iterator[int]:
        for i in range(100):
            made.append(i)
            yield i

    async def run(pool: ThreadPoolExecutor) -> None:
        stream = ThreadStream(pool, numbers, depth=4)
        await stream.next()
        await asyncio.sleep(0.05)
        assert len(made) <= 7
        stream.close()

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(run(pool))


def test_an_error_reaches_the_reader_and_stays() -> None:
    def broken(token: CancelToken) -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    async def run(pool: ThreadPoolExecutor) -> None:
        stream = ThreadStream(pool, broken)
        assert await stream.next() == 1
        for _ in range(2):
            with pytest.raises(ValueError, match="broken"):
                await stream.next()

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(run(pool))


@pytest.mark.parametrize("depth", [1, 64])
def test_closing_stops_the_thread_and_closes_the_iterator_there(depth: int) -> None:
    closed_in = []

    def endless(token: CancelToken) -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed_in.append(threading.current_thread())

    async def run(pool: ThreadPoolExecutor) -> None:
        stream = ThreadStream(pool, endless, depth=depth)
        await stream.next()
        stream.close()
        assert not wait([stream.work], timeout=5).not_done

    with ThreadPoolExecutor(1, thread_name_prefix="worker") as pool:
        asyncio.run(run(pool))
    assert [thread.name for thread in closed_in] == ["worker_0"]


def test_closing_wakes_a_thread_that_waits() -> None:
    woken = threading.Event()

    def waits(token: CancelToken) -> Iterator[int]:
        token.on_cancel(woken.set)
        yield 1
        assert woken.wait(10)

    async def run(pool: ThreadPoolExecutor) -> None:
        stream = ThreadStream(pool, waits)
        await stream.next()
        stream.close()
        assert not wait([stream.work], timeout=5).not_done

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(run(pool))


def test_an_abort_goes_before_what_is_left() -> None:
    async def run(pool: ThreadPoolExecutor) -> None:
        stream = ThreadStream(pool, lambda token: iter(range(1000)))
        await stream.next()
        stream.abort(RuntimeError("stopping"))
        with pytest.raises(RuntimeError, match="stopping"):
            await read_all(stream)

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(run(pool))


def test_work_that_never_began_is_dropped() -> None:
    block = threading.Event()

    async def run(pool: ThreadPoolExecutor) -> None:
        pool.submit(block.wait, 10)
        stream = ThreadStream(pool, lambda token: iter([1]))
        stream.close()
        assert stream.work.cancelled()
        block.set()

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(run(pool))
