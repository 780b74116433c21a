"""A word that a worker's main process leaves for the processes of its pool: finish, we are leaving.

One byte of memory that forked processes share. No lock can be held by a process that was killed or paused, and a signal
handler may set it.
"""

from __future__ import annotations

import mmap


class Stopping:
    """Made before the pool forks, set once; every process of one worker sees it."""

    def __init__(self) -> None:
        """Share one byte with every process that is forked from now on."""
        self._shared = mmap.mmap(-1, 1)

    def set(self) -> None:
        """Say it."""
        self._shared[0] = 1

    def __call__(self) -> bool:
        """Tell whether it was said."""
        return self._shared[0] == 1
