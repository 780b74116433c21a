"""The Celery worker and the schedule, as processes of their own (`groundloop worker`, `groundloop beat`)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from celery.signals import setup_logging as celery_sets_up_logging
from celery.signals import worker_shutting_down

from service.jobs import names
from service.jobs.again import begin_again
from service.jobs.celery_app import create_celery
from service.jobs.presence import presence_step
from service.jobs.reaping import reaping_step
from service.jobs.slots import places, stop_ingest
from service.jobs.stopping import Stopping
from service.logs import setup_logging
from service.settings import Settings


def run_worker(settings: Settings, queues: Sequence[str] = names.QUEUES) -> None:
    """Consume queues until SIGTERM; then let the heavy processes reach a place where they can stop, and leave.

    A prefork pool: one process stays with each ingest process, one with each training, and others keep everything short
    flowing meanwhile.

    Args:
        settings: What it works with.
        queues: Which of the queues, so that one host may ingest and another one train.
    """
    stopping = Stopping()

    def stop_children(**_: Any) -> None:
        stopping.set()
        if names.INGEST_QUEUE in queues:
            stop_ingest(settings.home, settings.ingest_processes)

    _log_our_way(settings)
    worker_shutting_down.connect(stop_children, weak=False)
    app = create_celery(settings, stopping)
    app.steps["worker"].add(presence_step(settings))
    if names.TRAIN_QUEUE in queues:
        app.steps["worker"].add(reaping_step(settings))
    app.worker_main(
        [
            "--quiet",
            "worker",
            "--pool=prefork",
            f"--concurrency={concurrency(settings, queues)}",
            f"--queues={','.join(queues)}",
            "--without-gossip",
            "--without-mingle",
            f"--loglevel={settings.log_level}",
        ]
    )
    if not stopping():
        begin_again()


def concurrency(settings: Settings, queues: Sequence[str]) -> int:
    """Give the processes of the pool: what is long in a queue must never take the last one from what is short.

    Args:
        settings: How many documents are ingested and how many cycles trained at once.
        queues: What the worker consumes.

    Returns:
        Enough for all that is long at once, and for a wake-up too many beside it.
    """
    long = {
        names.INGEST_QUEUE: settings.ingest_processes,
        names.TRAIN_QUEUE: places(settings),
        names.DEFAULT_QUEUE: 2,  # the archive and an erasure, now and then
    }
    return sum(long[queue] for queue in queues) + 1


def run_beat(settings: Settings) -> None:
    """Send the scheduled messages until SIGTERM. Two of these only send some messages twice, which is harmless."""

    _log_our_way(settings)
    create_celery(settings).start(["--quiet", "beat", f"--loglevel={settings.log_level}", "--pidfile="])


def _log_our_way(settings: Settings) -> None:
    """Keep Celery from setting up its own logs, and from a line for each sweep: they come every few seconds."""

    def set_up(**_: Any) -> None:
        setup_logging(settings)
        for name in ("celery.worker.strategy", "celery.app.trace", "celery.beat"):
            logging.getLogger(name).setLevel(logging.WARNING)

    celery_sets_up_logging.connect(set_up, weak=False)
