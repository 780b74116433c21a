"""A task that loses a cancellation is ended all the same."""

from __future__ import annotations

import asyncio

from service.ending import end


def test_a_lost_cancellation_is_said_again() -> None:
    heard: list[int] = []

    async def deaf() -> None:
        while len(heard) < 3:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                heard.append(1)

    async def fails() -> None:
        raise ValueError

    async def scenario() -> None:
        tasks = [asyncio.create_task(deaf()), asyncio.create_task(asyncio.sleep(60)), asyncio.create_task(fails())]
        await asyncio.sleep(0)
        await asyncio.wait_for(end(None, *tasks), 20)
        assert all(task.done() for task in tasks)
        assert isinstance(tasks[2].exception(), ValueError)

    asyncio.run(scenario())
    assert len(heard) == 3
