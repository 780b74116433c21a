"""A lock that one process holds and that names it. The system frees it when the process dies: it is never stale."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

from retrieval.durable import make_directory

RETRY_S = 0.01


class PidLock:
    """An exclusive lock on a file that holds the owner's pid. Not thread-safe; a child gets it only by `hand_over`."""

    def __init__(self, path: Path) -> None:
        """Name the lock file; nothing is taken yet."""
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, wait_s: float = 0.2) -> bool:
        """Take the lock if nobody holds it.

        Args:
            wait_s: How long to try; a look by `holder` holds the file for an instant, which must not read as taken.

        Returns:
            Whether it is ours now.
        """
        make_directory(self._path.parent)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + wait_s
        while not _flock(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                os.close(descriptor)
                return False
            time.sleep(RETRY_S)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor
        return True

    @property
    def descriptor(self) -> int | None:
        """The open file while the lock is ours; a child that gets it can be handed the lock."""
        return self._descriptor

    def hand_over(self, pid: int) -> None:
        """Leave the lock to a child that was given the descriptor: it is held until that process ends."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, str(pid).encode(), 0)
            os.close(self._descriptor)
            self._descriptor = None

    def release(self) -> None:
        """Give the lock back; nothing happens if it is not held."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> int | None:
        """Give the pid of the process that holds the lock, 0 if it has not written it yet, None if the lock is free."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            if _flock(descriptor, fcntl.LOCK_SH):
                return None
            with contextlib.suppress(ValueError):
                return int(os.pread(descriptor, 32, 0))
            return 0
        finally:
            os.close(descriptor)


def _flock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
