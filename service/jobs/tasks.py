"""The tasks, thin: each calls one function that knows nothing of Celery, and imports it when it is first called."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from retrieval.catalog import Catalog
from service.jobs import names
from service.jobs.drain import drain
from service.jobs.sweep import mark_sweep, sweep
from service.settings import Settings

if TYPE_CHECKING:
    from celery import Celery

WAKE_UP_EXPIRES_S = 60.0
MAINTENANCE_EVERY_S = 86_400.0


def register(app: Celery, settings: Settings, stopping: Callable[[], bool]) -> None:
    """Give the application its tasks, bound to these settings.

    Args:
        app: Gets the tasks.
        settings: What they work with.
        stopping: Tells whether the worker is to leave.
    """

    def run_drain() -> str:
        """Start an ingest process unless enough of them run, and stay with it."""
        return drain(settings)

    def run_sweep() -> int:
        """Look for documents and cycles that were left behind."""
        from service.cycles.readers import access_lists, tell_readers
        from service.cycles.reaper import reap
        from service.redis.blocking import connect

        mark_sweep(settings.home)
        with closing(Catalog.open(settings.home, max_attempts=settings.ingest_attempts)) as catalog:
            waiting = sweep(catalog, settings.home / "indexes", lambda: wake(app, names.DRAIN))
            readers = access_lists(catalog)
        with connect(settings) as client:
            tell_readers(client, readers)
            reap(client, lambda: wake(app, names.CYCLE))
        return waiting

    def run_cycle() -> str:
        """Do a cycle of learning that waits, if there is a place for it."""
        from service.cycles.process import train

        return train(settings, stopping=stopping)

    def run_check() -> None:
        """Create the cycles that are due."""
        from service.cycles.schedule import check

        if settings.learn:
            check(settings, lambda: wake(app, names.CYCLE))

    def run_watch() -> int:
        """Look at what is on trial, and promote it or send it back."""
        from service.watch.run import watch

        return len(watch(settings))

    def run_erase() -> int:
        """Erase the people who are to be erased."""
        from service.privacy.erase import erase_due

        return erase_due(settings)

    def run_retention() -> None:
        """Delete what has outlived its time."""
        from service.privacy.retention import retain

        retain(settings)

    def run_archive() -> None:
        """Move what is old out of Redis."""
        from service.archive.places import archive

        archive(settings)

    def run_maintenance() -> None:
        """Have the indexes looked after once a day: an ingest process with nothing to do tidies them and leaves."""
        from service.jobs.due import due
        from service.redis.blocking import connect

        with connect(settings) as client, due(client, names.MAINTENANCE, MAINTENANCE_EVERY_S) as now:
            if now:
                wake(app, names.DRAIN)

    # Taken off the queue before it begins: it may run for hours, and a wake-up that is lost is sent again by the next
    # sweep. Unacknowledged it would be killed when its worker loses the connection, and delivered again every hour;
    # that one is delivered twice all the same is harmless, whatever the visibility timeout.
    app.task(name=names.CYCLE, acks_late=False, reject_on_worker_lost=False, shared=False)(run_cycle)
    for name, function in {
        names.DRAIN: run_drain,
        names.SWEEP: run_sweep,
        names.CHECK: run_check,
        names.WATCH: run_watch,
        names.ERASE: run_erase,
        names.RETENTION: run_retention,
        names.ARCHIVE: run_archive,
        names.MAINTENANCE: run_maintenance,
    }.items():
        app.task(name=name, shared=False)(function)


def wake(app: Celery, task: str) -> None:
    """Ask a worker for a task that looks by itself for what there is to do.

    Args:
        app: What sends.
        task: Its name, from `service.jobs.names`.

    Raises:
        kombu.exceptions.OperationalError: If Redis does not take the message; the schedule asks again.
    """
    app.send_task(task, expires=WAKE_UP_EXPIRES_S, retry=False)
