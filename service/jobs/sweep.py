"""The sweep finds documents that a dead worker left behind, and asks for a drain while any wait.

It runs in two places, as a scheduled task and in a thread of every API process, so that neither a stuck schedule nor a
lost message strands an upload. Running it twice at once is harmless: leases are returned in one transaction, and a
drain too many finds the slot taken.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from retrieval.catalog import Catalog
from retrieval.durable import make_directory

log = logging.getLogger(__name__)

REBUILD_MARKER = "rebuild"
LATE_SWEEPS = 6  # a schedule that missed this many in a row does not run


def sweep(catalog: Catalog, indexes: Path, ring: Callable[[], None]) -> int:
    """Return expired leases to the queue and ring for a worker if anything waits.

    Args:
        catalog: The record of documents and their leases.
        indexes: Where indexes are published.
        ring: Asks for a drain; called at most once.

    Returns:
        How many documents wait.
    """
    if returned := catalog.requeue_expired():
        log.warning("returned %d documents of silent workers to the queue", returned)
    waiting = catalog.pending_count()
    if waiting or rebuild_is_due(indexes):
        ring()
    return waiting


def rebuild_is_due(indexes: Path) -> bool:
    """Tell whether a search has found a damaged index and left its marker (`retrieval.index.store`)."""
    return next(indexes.glob(f"*/{REBUILD_MARKER}"), None) is not None


def mark_sweep(home: Path) -> None:
    """Leave a sign that the schedule and a worker both live."""
    stamp = home / "run" / "sweep.stamp"
    make_directory(stamp.parent)
    stamp.touch()


def last_sweep_age_s(home: Path) -> float | None:
    """Give the seconds since a scheduled sweep last ran in a worker, None if none ever did."""
    try:
        return max(0.0, time.time() - (home / "run" / "sweep.stamp").stat().st_mtime)
    except FileNotFoundError:
        return None


def late_sweep(home: Path, interval_s: float) -> str | None:
    """Say what is wrong with the schedule, None while a scheduled sweep runs now and then."""
    age = last_sweep_age_s(home)
    if age is None:
        return "no sweep has run yet"
    return None if age <= LATE_SWEEPS * interval_s else f"the last sweep was {age:.0f} s ago"


class Sweeper:
    """The sweep of an API process: a thread that looks at an interval, and at once when woken. Thread-safe."""

    def __init__(
        self,
        catalog: Catalog,
        indexes: Path,
        ring: Callable[[], None],
        interval_s: float,
        also: Callable[[], object] = lambda: None,
    ) -> None:
        """Plan the sweep; `start` begins it.

        Args:
            catalog: The record of documents and their leases; used from the thread.
            indexes: Where indexes are published.
            ring: Asks for a drain; may block or raise, nobody waits for it.
            interval_s: Time between two looks.
            also: What else is looked at each time, after the documents.
        """
        self._catalog = catalog
        self._indexes = indexes
        self._ring = ring
        self._interval_s = interval_s
        self._also = also
        self._woken = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def wake(self) -> None:
        """Look now. Returns at once; many wakes while one look runs become one."""
        self._woken.set()

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop and wait for the thread."""
        self._closed = True
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._closed:
            self._woken.wait(self._interval_s)
            self._woken.clear()
            if self._closed:
                return
            for look in (lambda: sweep(self._catalog, self._indexes, self._ring), self._also):
                try:
                    look()
                except Exception:
                    log.warning("the sweep failed; the next one tries again", exc_info=True)
