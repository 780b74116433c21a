"""The loop of an ingest process: work while there is work, stay warm for a while, leave.

It knows nothing of models, catalogs or files; it is handed the three things that can be done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

POLL_S = 0.2  # an upload that finds us warm starts within this time


@dataclass(frozen=True, slots=True)
class Chores:
    """What an ingest process can do."""

    ingest: Callable[[], int]  # work on a batch of documents; how many it finished or failed
    build_indexes: Callable[[], int]  # publish the index generations that are due; how many
    waiting: Callable[[], int]  # documents not done yet, ours and other workers'


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
    idle_since = time.monotonic()
    settled = False  # indexes were looked at since the last batch
    while not stop.is_set():
        beat()
        if chores.ingest():
            settled = False
            idle_since = time.monotonic()
            continue
        if not settled:
            chores.build_indexes()
            settled = True
            idle_since = time.monotonic()
        if chores.waiting():
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since >= linger_s:
            return
        stop.wait(poll_s)
