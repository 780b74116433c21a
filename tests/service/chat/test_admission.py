"""The line before the answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from service.chat.admission import Admission, Place
from service.errors import ApiError


def line(**more: Any) -> Admission:
    bounds: dict[str, Any] = {"max_running": 1, "max_waiting": 4, "max_waiting_per_key": 2, "max_wait_s": 5.0}
    return Admission(**{**bounds, **more})


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_the_bound_of_a_key_is_429_and_the_bound_of_all_503() -> None:
    async def run() -> None:
        admission = line(max_waiting=3)
        place = await admission.enter("a")
        waiting = [asyncio.create_task(admission.enter(key)) for key in ("a", "a", "b")]
        await settle()
        assert (admission.running, admission.waiting) == (1, 3)

        with pytest.raises(ApiError) as own:
            await admission.enter("a")
        assert own.value.status == 429
        with pytest.raises(ApiError) as full:
            await admission.enter("c")
        assert full.value.status == 503
        for error in (own.value, full.value):
            assert isinstance(error.retry_after_s, int)
            assert error.retry_after_s >= 1

        place.release()
        for _ in waiting:
            done, _pending = await asyncio.wait(
                [task for task in waiting if not task.cancelled()], return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result().release()
        await asyncio.gather(*waiting)
        assert (admission.running, admission.waiting) == (0, 0)

    asyncio.run(run())


def test_a_free_place_goes_to_the_key_that_has_least() -> None:
    async def run() -> list[str]:
        admission = line(max_running=2)
        first, second = await admission.enter("busy"), await admission.enter("busy")
        order: list[str] = []

        async def enter(key: str) -> Place:
            place = await admission.enter(key)
            order.append(key)
            return place

        tasks = [asyncio.create_task(enter(key)) for key in ("busy", "busy", "calm")]
        await settle()
        first.release()
        await settle()
        second.release()
        await settle()
        for task in tasks:
            task.cancel()
        return order

    assert asyncio.run(run()) == ["calm", "busy"]


def test_a_long_wait_ends_in_503_and_leaves_no_trace() -> None:
    async def run() -> None:
        admission = line(max_wait_s=0.02)
        place = await admission.enter("a")
        with pytest.raises(ApiError) as error:
            await admission.enter("b")
        assert error.value.status == 503
        assert admission.waiting == 0
        place.release()
        (await admission.enter("b")).release()

    asyncio.run(run())


def test_whoever_leaves_the_line_gives_up_the_turn() -> None:
    async def run() -> None:
        admission = line()
        place = await admission.enter("a")
        leaver, stayer = (asyncio.create_task(admission.enter(key)) for key in ("b", "c"))
        await settle()
        place.release()  # the turn is the leaver's, who goes in the same moment
        leaver.cancel()
        (await stayer).release()
        assert leaver.cancelled()
        assert (admission.running, admission.waiting) == (0, 0)

    asyncio.run(run())


def test_a_place_is_given_back_once() -> None:
    async def run() -> None:
        admission = line()
        place = await admission.enter("a")
        place.release()
        place.release()
        assert admission.running == 0

    asyncio.run(run())


def test_everybody_in_line_can_be_sent_away() -> None:
    async def run() -> None:
        admission = line()
        place = await admission.enter("a")
        waiting = asyncio.create_task(admission.enter("b"))
        await settle()
        admission.turn_away(ApiError(503, "stopping"))
        with pytest.raises(ApiError, match="stopping"):
            await waiting
        place.release()
        assert (admission.running, admission.waiting) == (0, 0)

    asyncio.run(run())
