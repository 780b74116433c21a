"""Keeps versions loaded while somebody answers with them; closes each when nobody can any more."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any

from service.versions.served import Loaded
from service.versions.snapshot import Snapshot

log = logging.getLogger(__name__)


class Lease:
    """A snapshot that stays usable until `release`. Thread-safe. Also a context manager."""

    def __init__(self, snapshot: Snapshot, give_back: Callable[[], None]) -> None:
        self.snapshot = snapshot
        self._give_back: Callable[[], None] | None = give_back
        self._lock = threading.Lock()

    def release(self) -> None:
        """Give it back; again does nothing."""
        with self._lock:
            give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()

    def release_after(self, work: Future[Any]) -> None:
        """Give it back when the work of a thread has ended: a reader who left does not stop a step midway."""
        work.add_done_callback(lambda _: self.release())

    def __enter__(self) -> Lease:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        self.release()


class Ledger:
    """Counts who may still use which version. Thread-safe.

    A snapshot counts while it is the present one or leased; a version counts in every snapshot that counts.
    """

    def __init__(self, first: Snapshot) -> None:
        """Begin with a snapshot; its versions are the ledger's to close from now on."""
        self._lock = threading.Lock()
        self._present = first
        self._users: Counter[Snapshot] = Counter({first: 1})
        self._closing: set[threading.Thread] = set()

    @property
    def present(self) -> Snapshot:
        """The snapshot that new requests get."""
        return self._present

    @property
    def leases(self) -> int:
        """How many leases are out."""
        with self._lock:
            return self._users.total() - (self._present in self._users)

    @property
    def draining(self) -> tuple[str, ...]:
        """Give the versions that only open answers still use."""
        with self._lock:
            present = set(map(id, self._present.loaded))
            old = {one for snapshot in self._users for one in snapshot.loaded if id(one) not in present}
        return tuple(sorted(one.version for one in old))

    def lease(self) -> Lease:
        """Keep the present snapshot until the lease is given back."""
        with self._lock:
            snapshot = self._present
            self._users[snapshot] += 1
        return Lease(snapshot, lambda: self._leave(snapshot))

    def swap(self, snapshot: Snapshot) -> None:
        """Give this snapshot to new requests; what only the one before held is closed once nobody uses it."""
        with self._lock:
            before, self._present = self._present, snapshot
            self._users[snapshot] += 1
        self._leave(before)

    def close(self) -> None:
        """Close every version, whoever still uses it, and wait for that."""
        with self._lock:
            every = {id(one): one for snapshot in self._users for one in snapshot.loaded}
            self._users.clear()
        for one in every.values():
            _close(one)
        for thread in tuple(self._closing):
            thread.join()

    def _leave(self, snapshot: Snapshot) -> None:
        with self._lock:
            if snapshot not in self._users:
                return  # everything was closed already
            self._users[snapshot] -= 1
            if self._users[snapshot]:
                return
            del self._users[snapshot]
            kept = {id(one) for other in self._users for one in other.loaded}
            gone = [one for one in snapshot.loaded if id(one) not in kept]
        if gone:
            # A policy may wait for its own thread or for a server; whoever gives back must not.
            thread = threading.Thread(target=self._close_behind, args=(gone,), name="close-versions", daemon=True)
            self._closing.add(thread)
            thread.start()

    def _close_behind(self, gone: list[Loaded]) -> None:
        for one in gone:
            _close(one)
        self._closing.discard(threading.current_thread())


def _close(one: Loaded) -> None:
    try:
        one.close()
    except Exception:
        log.exception("version %s did not close", one.version)
    else:
        log.info("version %s is closed", one.version)
