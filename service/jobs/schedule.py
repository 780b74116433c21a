"""What is done again and again, and how often.

The schedule lives in memory: two of them on one file would corrupt it, and what is rare must not begin to wait anew at
every restart. So every message is sent often, and whether something rare is due is for Redis to say (`due.py`).
Intervals are counted by the monotonic clock: a clock that jumps back an hour must not stop the schedule for one.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from celery.schedules import schedule

from service.jobs import names
from service.settings import Settings

LONGEST_BEAT_S = 60.0
# A message that waited longer than this is dropped, the next one says the same. Not sooner: on a machine where a worker
# needs seconds to come round, every message could otherwise be too old when it is taken.
SHORTEST_LIFE_S = 30.0
_START = datetime(2000, 1, 1, tzinfo=UTC)


def intervals(settings: Settings) -> dict[str, float]:
    """Give the seconds between two messages of each task."""
    return {
        names.SWEEP: settings.sweep_interval_s,
        names.CHECK: settings.train_check_interval_s,
        names.WATCH: settings.watch_interval_s,
        names.ERASE: min(LONGEST_BEAT_S, settings.retention_interval_s),
        names.RETENTION: min(LONGEST_BEAT_S, settings.retention_interval_s),
        names.ARCHIVE: min(LONGEST_BEAT_S, settings.archive_interval_s),
        names.MAINTENANCE: LONGEST_BEAT_S,
    }


def beat_schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """Give the schedule as Celery takes it."""
    return {
        task: {
            "task": task,
            "schedule": schedule(timedelta(seconds=every_s), nowfun=monotonic_now),
            "options": {"expires": life_s(every_s)},
        }
        for task, every_s in intervals(settings).items()
    }


def life_s(every_s: float) -> float:
    """Give the seconds after which a message that is sent so often is dropped."""
    return max(every_s, SHORTEST_LIFE_S)


def monotonic_now() -> datetime:
    """Give a time that never jumps; its distance to another one is all that means something."""
    return _START + timedelta(seconds=time.monotonic())
