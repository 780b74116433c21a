"""The worker's own look for cycles that were left behind, in its main process: needs no schedule and no free pool."""

from __future__ import annotations

from typing import Any

from celery import bootsteps

from service.cycles.reaper import Reaper
from service.jobs import names
from service.jobs.tasks import wake
from service.redis.blocking import connect
from service.settings import Settings

TIMEOUT_S = 2.0  # the main process also passes messages to the pool


def reaping_step(settings: Settings) -> type[bootsteps.StartStopStep]:
    """Give the part of a worker that looks every `sweep_interval_s`."""

    class Reaping(bootsteps.StartStopStep):  # type: ignore[misc]
        """Looks on the worker's timer."""

        requires = frozenset({"celery.worker.components:Timer"})

        def __init__(self, worker: Any, **options: Any) -> None:
            """Plan nothing yet."""
            super().__init__(worker, **options)
            self._timer: Any = None
            self._reaper = Reaper(lambda: connect(settings, timeout_s=TIMEOUT_S), lambda: wake(worker.app, names.CYCLE))

        def start(self, worker: Any) -> None:
            """Begin to look."""
            self._timer = worker.timer.call_repeatedly(settings.sweep_interval_s, self._reaper, priority=10)

        def stop(self, worker: Any) -> None:
            """Look no more."""
            if self._timer is not None:
                self._timer.cancel()
            self._reaper.close()

    return Reaping
