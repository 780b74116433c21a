"""A child process that does not outlive its parent, whatever kills the parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1
POLL_S = 1.0


def die_with_parent(parent_pid: int) -> None:
    """Arrange for SIGKILL of this process when its parent ends; exit at once if it already has.

    On Linux the kernel does it, at the death of the parent's thread that started us: start children from a thread that
    lives as long as its process. Elsewhere a thread of ours looks every second.

    Args:
        parent_pid: The process that started this one, as it saw itself.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    else:
        threading.Thread(target=_watch, args=(parent_pid,), name="lifeline", daemon=True).start()
    if os.getppid() != parent_pid:  # it died before we asked
        os._exit(0)


def _watch(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(POLL_S)
    os.kill(os.getpid(), signal.SIGKILL)
