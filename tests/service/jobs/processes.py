"""Real Groundloop processes for tests: started in a session of their own, killed at the end whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

PATIENCE_S = 240.0  # against hanging only: a process may take half a minute to start


def start(home: Path, *command: str, **settings: str) -> subprocess.Popen[bytes]:
    """Start `groundloop <command>` on a home, into which goes what it prints; settings are names without the prefix."""
    environment = {
        **os.environ,
        "GROUNDLOOP_HOME": str(home),
        "GROUNDLOOP_EMBEDDING_MODEL": "hashing",
        "OMP_NUM_THREADS": "1",
        **{f"GROUNDLOOP_{name.upper()}": value for name, value in settings.items()},
    }
    # Not a pipe: nobody reads while it runs, and a full one stops whoever writes.
    with (home / f"{command[0]}.printed").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "service.cli", *command],
            env=environment,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def wait_until(true: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"it did not happen within {timeout_s} s"
        time.sleep(0.05)


def children(pid: int, *words: str) -> list[psutil.Process]:
    """Give the living descendants whose command line holds all of these words."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        try:
            line = process.cmdline()
            if all(any(word in part for part in line) for word in words) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def gone(process: psutil.Process, *, within_s: float = 10.0) -> bool:
    """Tell whether a process has ended; who was killed a moment ago gets a moment to go."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a process with its descendants."""
    try:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
    except psutil.NoSuchProcess:
        pass
    process.kill()
    process.wait()
