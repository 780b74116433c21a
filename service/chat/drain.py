"""Hear of SIGTERM before the server does, and tell it a little later, when balancers know that this process goes.

Uvicorn closes the port as soon as it hears, and the app's lifespan only after the last stream has ended. The handlers
are those of the process that runs the app, so this holds for one process and for several.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType


def on_stop_signal(begin: Callable[[], None], *, delay_s: float = 0.0) -> Callable[[], None]:
    """Call `begin` in the running loop when the process is told to stop, and later do what was done before.

    A second Ctrl-C does not wait. Outside the main thread, where no signal arrives, nothing is installed.

    Args:
        begin: Must return quickly and may be called more than once.
        delay_s: Time between `begin` and what was done before.

    Returns:
        What puts the previous handlers back.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    loop = asyncio.get_running_loop()
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    begun = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal begun
        before = previous[signal.Signals(number)]
        assert callable(before)
        if not begun:
            begun = True
            loop.call_soon_threadsafe(begin)
            loop.call_soon_threadsafe(loop.call_later, delay_s, before, number, None)
        elif number == signal.SIGINT:
            before(number, frame)

    for number, before in previous.items():
        if callable(before):  # nobody would stop the process otherwise
            signal.signal(number, handle)

    def undo() -> None:
        for number, before in previous.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, before)

    return undo
