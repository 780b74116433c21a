"""The Celery application: Redis carries wake-ups, nothing else.

A lost message costs time and a doubled message costs nothing, because leases and tokens decide who works on what: those
of documents in the catalog, those of cycles in their rows. This module and its tasks import neither torch nor faiss, so
the pool may fork.
"""

from __future__ import annotations

from collections.abc import Callable

from celery import Celery
from kombu.entity import Queue

from service.jobs import names, tasks
from service.jobs.schedule import beat_schedule
from service.redis.address import broker_address
from service.redis.server import remembered_url
from service.settings import Settings

VISIBILITY_TIMEOUT_S = 3600  # a drain that runs longer is delivered again, finds the slot taken and returns
CONNECT_TIMEOUT_S = 2.0
SHUTDOWN_GRACE_S = 5.0


def broker_url(settings: Settings) -> str:
    """Give the Redis that carries messages: yours, or the one that runs for this home.

    Args:
        settings: Name the home, and yours if there is one.

    Returns:
        The address, with its password.

    Raises:
        LookupError: If neither is known.
    """
    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    if url := remembered_url(settings.home):
        return url
    raise LookupError(f"no Redis is known for {settings.home}: start `groundloop up`, or set REDIS_URL")


def create_celery(settings: Settings, stopping: Callable[[], bool] = lambda: False) -> Celery:
    """Build the application with its queues, schedule and tasks. No connection is opened.

    Args:
        settings: What it works with.
        stopping: Tells tasks whether their worker is to leave.

    Returns:
        The application.

    Raises:
        LookupError: If no Redis is known.
    """
    broker, transport_options = broker_address(broker_url(settings))
    app = Celery("groundloop", broker=broker, set_as_current=False)
    app.conf.update(
        result_backend=None,  # the state of a job is in the catalog
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_queues=tuple(Queue(name) for name in names.QUEUES),  # type: ignore[no-untyped-call]
        task_default_queue=names.DEFAULT_QUEUE,
        task_create_missing_queues=False,
        task_routes={task: {"queue": queue} for task, queue in names.QUEUE_OF.items()},
        task_acks_late=True,
        task_reject_on_worker_lost=True,  # else a killed pool process acknowledges what it did not do
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_soft_shutdown_timeout=SHUTDOWN_GRACE_S,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # Redis comes back; a worker that gave up would not
        broker_connection_timeout=CONNECT_TIMEOUT_S,
        broker_transport_options={
            "global_keyprefix": "gl:broker:",
            "visibility_timeout": VISIBILITY_TIMEOUT_S,
            "unacked_restore_throttle": 1,  # kombu's default looks for lost messages only every 100 s
            "socket_connect_timeout": CONNECT_TIMEOUT_S,
            **transport_options,
        },
        beat_scheduler="celery.beat:Scheduler",  # in memory: two schedules on one file corrupt it
        beat_max_loop_interval=5,
        beat_schedule=beat_schedule(settings),
    )
    tasks.register(app, settings, stopping)
    return app
