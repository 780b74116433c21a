"""Waking a worker from a request, without waiting and without ever failing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from service.settings import Settings

if TYPE_CHECKING:
    from celery import Celery

log = logging.getLogger(__name__)


def drain_ringer(settings: Settings) -> Callable[[], None]:
    """Give a function that asks for a drain through Redis. It may block for seconds and never raises.

    The application is built at the first call, so that a home whose Redis is not up yet can be served.
    """
    built: list[Celery] = []

    def ring() -> None:
        from kombu.exceptions import OperationalError

        from service.jobs.celery_app import create_celery
        from service.jobs.tasks import send_drain

        try:
            if not built:
                built.append(create_celery(settings))
            send_drain(built[0])
        except (OperationalError, LookupError, OSError) as error:
            log.warning("could not wake a worker; the sweep will: %s", error)

    return ring
