"""Waking a worker from a request, without waiting and without ever failing."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING

from service.jobs import names
from service.settings import Settings

if TYPE_CHECKING:
    from celery import Celery

log = logging.getLogger(__name__)


class Ringer:
    """Asks for workers through Redis. A call may block for seconds and never raises. For one thread."""

    def __init__(self, settings: Settings) -> None:
        """Build nothing yet, so that a home whose Redis is not up can be served."""
        self._settings = settings

    def documents(self) -> None:
        """Ask for the queue of documents to be drained."""
        self._ring(names.DRAIN)

    def cycles(self) -> None:
        """Ask for a cycle of learning to be taken up."""
        self._ring(names.CYCLE)

    def erasures(self) -> None:
        """Ask for the people who are to be erased to be erased."""
        self._ring(names.ERASE)

    @cached_property
    def _app(self) -> Celery:
        from service.jobs.celery_app import create_celery

        return create_celery(self._settings)

    def _ring(self, task: str) -> None:
        from kombu.exceptions import OperationalError

        from service.jobs.tasks import wake

        try:
            wake(self._app, task)
        except (OperationalError, LookupError, OSError) as error:
            log.warning("could not wake a worker; the sweep will: %s", error)
