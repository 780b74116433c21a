"""Starting an ingest process and staying with it: the part of the drain task that is not Celery's.

The process is spawned, never forked, in a session of its own; it dies with us, and we kill its whole group when it
shows no progress.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

from service.jobs.slots import beat_file, free_slot
from service.jobs.spawned import kill_group, spawn
from service.settings import Settings

log = logging.getLogger(__name__)

POLL_S = 0.25


def drain(settings: Settings) -> str:
    """Run an ingest process until it has nothing left to do.

    Args:
        settings: The home, and for how long a process may be silent.

    Returns:
        `busy` if every slot is taken, `done` if the process left by itself, `failed` if it died, `killed` if it went
        silent. In the last two cases its documents come back when their leases end.
    """
    slot = free_slot(settings.home, settings.ingest_processes)
    if slot is None:
        return "busy"
    command = [
        sys.executable,
        "-m",
        "service.jobs.ingest_process",
        "--slot",
        str(slot),
        "--parent-pid",
        str(os.getpid()),
    ]
    with spawn(command, {"GROUNDLOOP_HOME": str(settings.home)}) as process:
        try:
            outcome = watch(process, beat_file(settings.home, slot), settings.ingest_silence_s)
        finally:
            kill_group(process.pid)
    if outcome != "done":
        log.warning("ingest process %d: %s (exit status %s)", process.pid, outcome, process.returncode)
    return outcome


def watch(process: subprocess.Popen[bytes], beat: Path, silence_s: float) -> str:
    """Wait for a process to end; kill its group once its beat file has not changed for too long.

    Only changes count, measured by our own monotonic clock, so a clock that jumps kills nobody.

    Args:
        process: The leader of a process group.
        beat: A file that the process touches as it makes progress.
        silence_s: The longest silence.

    Returns:
        `done`, `failed` or `killed`, as `drain` says.
    """
    last, changed = _stamp(beat), time.monotonic()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return "done" if process.wait(POLL_S) == 0 else "failed"
        now = _stamp(beat)
        if now != last:
            last, changed = now, time.monotonic()
        elif time.monotonic() - changed > silence_s:
            kill_group(process.pid)
            process.wait()
            return "killed"


def _stamp(beat: Path) -> int:
    try:
        return beat.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
