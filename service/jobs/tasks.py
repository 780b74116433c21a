"""The tasks, thin: each calls one function that knows nothing of Celery."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from retrieval.catalog import Catalog
from service.jobs.drain import drain
from service.jobs.sweep import mark_sweep, sweep
from service.settings import Settings

if TYPE_CHECKING:
    from celery import Celery

DRAIN = "ingest.drain"
SWEEP = "ingest.sweep"
DRAIN_EXPIRES_S = 60.0


def register(app: Celery, settings: Settings) -> None:
    """Give the application its tasks, bound to these settings."""

    def run_drain() -> str:
        """Start an ingest process unless enough of them run, and stay with it."""
        return drain(settings)

    def run_sweep() -> int:
        """Look for documents that were left behind."""
        mark_sweep(settings.home)
        with closing(Catalog.open(settings.home, max_attempts=settings.ingest_attempts)) as catalog:
            return sweep(catalog, settings.home / "indexes", lambda: send_drain(app))

    app.task(name=DRAIN)(run_drain)
    app.task(name=SWEEP)(run_sweep)


def send_drain(app: Celery) -> None:
    """Ask a worker to drain the queue of documents.

    Args:
        app: What sends.

    Raises:
        kombu.exceptions.OperationalError: If Redis does not take the message; the next sweep asks again.
    """
    app.send_task(DRAIN, expires=DRAIN_EXPIRES_S, retry=False)
