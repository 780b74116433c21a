"""Hear of SIGTERM before the server does. Uvicorn closes the app's lifespan only after the last stream has ended."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType


def on_stop_signal(begin: Callable[[], None]) -> Callable[[], None]:
    """Call `begin` in the running loop when the process is told to stop, then do what was done before.

    Outside the main thread, where no signal arrives, nothing is installed.

    Args:
        begin: Must return quickly and may be called more than once.

    Returns:
        What puts the previous handlers back.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    loop = asyncio.get_running_loop()
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(begin)
        before = previous[signal.Signals(number)]
        if callable(before):
            before(number, frame)

    for number, before in previous.items():
        if callable(before):  # nobody would stop the process otherwise
            signal.signal(number, handle)

    def undo() -> None:
        for number, before in previous.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, before)

    return undo
