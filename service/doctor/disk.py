"""The disk under the home folder: permissions, space, the time of an fsync."""

from __future__ import annotations

import os
import shutil
import stat
import statistics
import tempfile
import time
from pathlib import Path

from service.doctor.finding import Finding, ok
from service.settings import Settings

LEAST_BYTES = 1 << 30
SLOW_FSYNC_S = 0.05
TRIES = 9


def home(settings: Settings) -> Finding:
    """Is the home folder ours, and closed to others?"""
    folder = settings.home
    if not folder.exists():
        return ok("home", f"{folder} (made at the first start)")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Finding("home", "problem", f"{folder} cannot be written", f"sudo chown -R $(id -un) '{folder}'")
    for path in (folder, *(folder / name for name in ("admin.key", "keys.db", "sessions.db"))):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            return Finding("home", "warning", f"other users may read {path}", f"chmod go-rwx '{path}'")
    return ok("home", str(folder))


def space(settings: Settings) -> Finding:
    """Is there room to grow?"""
    free = shutil.disk_usage(_existing(settings.home)).free
    told = f"{free / (1 << 30):.1f} GiB free"
    if free < LEAST_BYTES:
        return Finding("disk space", "problem", told, "free some, or set GROUNDLOOP_HOME to a larger disk")
    return ok("disk space", told)


def fsync(settings: Settings) -> Finding:
    """How long does it take until a byte is on disk? Every vote waits for it once."""
    times = []
    with tempfile.TemporaryFile(dir=_existing(settings.home)) as handle:
        for _ in range(TRIES):
            started = time.perf_counter()
            handle.write(b"x")
            handle.flush()
            os.fsync(handle.fileno())
            times.append(time.perf_counter() - started)
    median = statistics.median(times)
    told = f"{median * 1000:.1f} ms"
    if median > SLOW_FSYNC_S:
        return Finding("fsync", "warning", f"{told}: each vote waits that long", "put GROUNDLOOP_HOME on a local SSD")
    return ok("fsync", told)


def _existing(folder: Path) -> Path:
    """Give the folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())
