"""The Celery worker and the schedule, as processes of their own (`groundloop worker`, `groundloop beat`)."""

from __future__ import annotations

import logging
from typing import Any

from celery.signals import setup_logging as celery_sets_up_logging
from celery.signals import worker_shutting_down

from retrieval.durable import make_directory
from service.jobs.celery_app import DEFAULT_QUEUE, INGEST_QUEUE, create_celery
from service.jobs.slots import stop_ingest
from service.logs import setup_logging
from service.settings import Settings


def run_worker(settings: Settings) -> None:
    """Consume the queues until SIGTERM; then let the ingest process finish its batch and leave.

    A prefork pool: one process stays with each ingest process, one more keeps sweeps flowing meanwhile.
    """

    def stop_children(**_: Any) -> None:
        stop_ingest(settings.home, settings.ingest_processes)

    _log_our_way(settings)
    worker_shutting_down.connect(stop_children, weak=False)
    create_celery(settings).worker_main(
        [
            "--quiet",
            "worker",
            "--pool=prefork",
            f"--concurrency={settings.ingest_processes + 1}",
            f"--queues={INGEST_QUEUE},{DEFAULT_QUEUE}",
            "--without-gossip",
            "--without-mingle",
            f"--loglevel={settings.log_level}",
        ]
    )


def run_beat(settings: Settings) -> None:
    """Send the scheduled messages until SIGTERM. Two of these only send some messages twice, which is harmless."""

    _log_our_way(settings)
    make_directory(settings.home / "run")
    create_celery(settings).start(["--quiet", "beat", f"--loglevel={settings.log_level}", "--pidfile="])


def _log_our_way(settings: Settings) -> None:
    """Keep Celery from setting up its own logs, and from a line for each sweep: they come every few seconds."""

    def set_up(**_: Any) -> None:
        setup_logging(settings)
        for name in ("celery.worker.strategy", "celery.app.trace", "celery.beat"):
            logging.getLogger(name).setLevel(logging.WARNING)

    celery_sets_up_logging.connect(set_up, weak=False)
