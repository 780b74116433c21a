"""Runs the HTTP API under uvicorn, and lets it leave politely: `/readyz` says no first, then open requests finish."""

from __future__ import annotations

import asyncio
import os
import socket

import uvicorn
from fastapi import FastAPI

from service.app import app_from_environment, create_app
from service.lifeline import die_with_parent
from service.logs import setup_logging
from service.settings import Settings

BACKLOG = 2048


class DrainingServer(uvicorn.Server):
    """Takes requests for a little longer after SIGTERM, while balancers learn that it goes."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, drain_s: float) -> None:
        """Serve this app; `drain_s` is the time between saying so and closing."""
        super().__init__(config)
        self._app = app
        self._drain_s = drain_s

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say that we drain, wait, close."""
        container = getattr(self._app.state, "container", None)
        if container is not None:
            container.begin_draining()
            await asyncio.sleep(self._drain_s)
        await super().shutdown(sockets)


def run_api(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; several processes share the port when the settings ask for them."""
    setup_logging(settings)
    if settings.api_processes == 1:
        app = create_app(settings)
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            backlog=BACKLOG,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=settings.graceful_shutdown_s,
        )
        DrainingServer(config, app, settings.drain_s).run()
        return
    # The processes are spawned and read the environment again, so it must say what the options said.
    os.environ.update(
        GROUNDLOOP_HOME=str(settings.home), GROUNDLOOP_HOST=settings.host, GROUNDLOOP_PORT=str(settings.port)
    )
    uvicorn.run(
        "service.serving:app_of_process",
        factory=True,
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
