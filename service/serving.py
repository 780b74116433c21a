"""Runs the HTTP API under uvicorn, in one process or several.

Each leaves politely by itself (`service.chat.drain`): `/readyz` says no first, then open requests finish.
"""

from __future__ import annotations

import os

import uvicorn
from fastapi import FastAPI

from service.access.keys import make_first_key
from service.app import app_from_environment, create_app
from service.lifeline import die_with_parent
from service.logs import setup_logging
from service.settings import Settings

BACKLOG = 2048


def run_api(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; several processes share the port when the settings ask for them."""
    setup_logging(settings)
    make_first_key(settings.home)
    several = settings.api_processes > 1
    if several:
        # The processes are spawned and read the environment again, so it must say what the options said.
        os.environ.update(
            GROUNDLOOP_HOME=str(settings.home), GROUNDLOOP_HOST=settings.host, GROUNDLOOP_PORT=str(settings.port)
        )
    uvicorn.run(
        "service.serving:app_of_process" if several else create_app(settings),
        factory=several,
        workers=settings.api_processes,
        host=settings.host,
        port=settings.port,
        backlog=BACKLOG,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=settings.graceful_shutdown_s,
    )


def app_of_process() -> FastAPI:
    """Build the app in one of several processes, which must not outlive the one that started them all."""
    die_with_parent(os.getppid())
    return app_from_environment()
