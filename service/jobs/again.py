"""A worker that ended although nobody told it to begins anew, in its own process.

Celery survives a lost broker, unless a message was not acknowledged yet when the connection went and Redis is still
away when the connection is closed: then kombu 5.7 fails on the way out, and the worker ends with status 0, as if all
were well. Whoever restarts failed processes would not restart it.
"""

from __future__ import annotations

import logging
import os
import sys
import time

import psutil

log = logging.getLogger(__name__)

PAUSE_S = 1.0  # a worker that cannot start at all must not spin
LEAVE_S = 10.0


def begin_again() -> None:
    """Replace this process by a new one of the same command; does not return."""
    log.error("the worker ended by itself, because it lost its broker at a bad moment; it begins anew")
    children = psutil.Process().children()  # of the pool; what they started ends with them
    for child in children:
        child.terminate()
    for child in psutil.wait_procs(children, timeout=LEAVE_S)[1]:
        child.kill()
    time.sleep(PAUSE_S)
    logging.shutdown()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command, as it was given
