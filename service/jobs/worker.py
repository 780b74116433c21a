"""The Celery worker and the schedule, as processes of their own (`groundloop worker`, `groundloop beat`)."""

from __future__ import annotations

from typing import Any

from celery.signals import setup_logging, worker_shutting_down

from service.jobs.celery_app import DEFAULT_QUEUE, INGEST_QUEUE, create_celery
from service.jobs.slots import stop_ingest
from service.logs import setup_logging as log_our_lines
from service.settings import Settings


def run_worker(settings: Settings) -> None:
    """Consume the queues until SIGTERM; then let the ingest process finish its batch and leave.

    A prefork pool: one process stays with each ingest process, one more keeps sweeps flowing meanwhile.
    """

    def log_our_way(**_: Any) -> None:
        log_our_lines(settings)

    def stop_children(**_: Any) -> None:
        stop_ingest(settings.home, settings.ingest_processes)

    setup_logging.connect(log_our_way, weak=False)
    worker_shutting_down.connect(stop_children, weak=False)
    create_celery(settings).worker_main(
        [
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

    def log_our_way(**_: Any) -> None:
        log_our_lines(settings)

    setup_logging.connect(log_our_way, weak=False)
    (settings.home / "run").mkdir(parents=True, exist_ok=True)
    create_celery(settings).start(["beat", f"--loglevel={settings.log_level}", "--pidfile="])
