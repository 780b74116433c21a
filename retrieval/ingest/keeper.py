"""Keeps the leases of the documents being worked on, and shows their progress, from a thread of its own.

The thread touches nothing the work needs but the catalog, so that a long encode never lets a lease run out.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from dataclasses import dataclass

from retrieval.catalog import Catalog, Claim
from retrieval.errors import StaleClaim, StorageFull
from retrieval.types import Stage

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Held:
    claim: Claim
    renewed: float
    wanted: tuple[Stage, int] = ("queued", 0)
    shown: tuple[Stage, int] = ("queued", 0)
    is_lost: bool = False


class LeaseKeeper:
    """Renews leases until they are let go. Use it as a context manager; safe to call from any thread."""

    def __init__(self, catalog: Catalog, *, lease_s: float, every_s: float) -> None:
        self._catalog = catalog
        self._lease_s = lease_s
        self._every_s = every_s
        self._held: dict[int, _Held] = {}
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest-leases", daemon=True)

    def __enter__(self) -> LeaseKeeper:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the thread; leases still held run out by themselves."""
        self._stop.set()
        self._thread.join()

    def hold(self, claim: Claim) -> None:
        """Keep a new claim's lease."""
        with self._guard:
            self._held[claim.document_row] = _Held(claim, time.monotonic())

    def let_go(self, claim: Claim) -> None:
        """Stop renewing a lease."""
        with self._guard:
            self._held.pop(claim.document_row, None)

    def show(self, claim: Claim, stage: Stage, percent: int) -> None:
        """Note how far a document is; it is written at the next look, so call it as often as you like."""
        held = self._held.get(claim.document_row)
        if held is not None:
            held.wanted = (stage, percent)

    def is_lost(self, claim: Claim) -> bool:
        """Tell whether a lease was found to have passed to somebody else."""
        held = self._held.get(claim.document_row)
        return held is not None and held.is_lost

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            with self._guard:
                held = list(self._held.values())
            for one in held:
                self._look_after(one)

    def _look_after(self, held: _Held) -> None:
        if held.is_lost:
            return
        try:
            if held.wanted != held.shown:
                stage, percent = held.wanted
                self._catalog.progress(held.claim, stage, percent)
                held.shown = (stage, percent)
            if time.monotonic() - held.renewed > self._lease_s / 3:
                self._catalog.heartbeat(held.claim, self._lease_s)
                held.renewed = time.monotonic()
        except StaleClaim:
            # Let go of meanwhile, or taken by somebody else: the fence decides, this only saves work.
            held.is_lost = True
        except (sqlite3.Error, StorageFull) as error:
            _log.warning("could not renew a lease: %s", error)
