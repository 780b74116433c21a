"""The loop of an ingest process: work while there is work, stay warm for a while, leave.

It knows nothing of models, catalogs or files; it is handed what can be done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

POLL_S = 0.1  # an upload that finds us warm starts within this time


class Chores(Protocol):
    """What an ingest process can do."""

    def waiting(self) -> int:
        """Count the documents that are not done yet, other processes' included."""

    def ingest(self) -> int:
        """Work on what waits; give how many documents were dealt with."""

    def tidy(self) -> None:
        """Do what has time until nothing waits; called once before leaving."""


def run_engine(
    chores: Chores, *, stop: threading.Event, beat: Callable[[], None], linger_s: float, poll_s: float = POLL_S
) -> None:
    """Work until told to stop, or until nothing has waited for `linger_s`.

    Documents that wait but cannot be claimed (another worker's lease) keep us here: they may become ours.

    Args:
        chores: What to do.
        stop: Set to leave after the batch at hand.
        beat: Called at least at every turn; says that we make progress.
        linger_s: Idle time after which to leave.
        poll_s: Time between two looks while idle.
    """
    quiet_since = time.monotonic()
    while not stop.is_set():
        beat()
        if chores.waiting():
            quiet_since = time.monotonic()
            if chores.ingest():
                continue
        elif time.monotonic() - quiet_since >= linger_s:
            chores.tidy()
            if not chores.waiting():
                return
            continue
        stop.wait(poll_s)
