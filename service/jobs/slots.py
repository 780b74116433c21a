"""Places for heavy processes: as many as the settings allow, each held by a lock that dies with its holder."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from service.pidlock import PidLock
from service.settings import Settings


def slot_lock(home: Path, slot: int, work: str = "ingest") -> PidLock:
    """Give the lock of one slot; slot 0 of ingestion is also the one that builds indexes."""
    return PidLock(home / "run" / f"{work}-{slot}.lock")


def free_slot(home: Path, slots: int) -> int | None:
    """Give the first slot that nobody holds, None if all are taken."""
    return next((slot for slot in range(slots) if slot_lock(home, slot).holder() is None), None)


def places(settings: Settings) -> int:
    """Give how many trainings may run at once: one for each device that is for training, else one."""
    return max(1, len(settings.train_devices))


def beat_file(home: Path, slot: int) -> Path:
    """Give the file whose changing time says that the slot's process makes progress."""
    return home / "run" / f"ingest-{slot}.beat"


def stop_ingest(home: Path, slots: int) -> None:
    """Ask every ingest process to finish what it holds and leave."""
    for slot in range(slots):
        if pid := slot_lock(home, slot).holder():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
