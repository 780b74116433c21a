"""Ending a background task of an event loop.

`redis.asyncio` loses a cancellation that meets it while it connects; a task that was cancelled once then runs on, and
whoever waits for it waits for ever. So it is cancelled until it has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_S = 0.2


async def end(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel tasks and wait until they have ended; what they raised is theirs.

    Args:
        *tasks: To end; None stands for one that was never begun.
    """
    left: Iterable[asyncio.Task[Any]] = [task for task in tasks if task is not None and not task.done()]
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_S)
