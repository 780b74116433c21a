"""Keeps Redis, API, worker and schedule running until told to stop, and then stops them in order.

Every process here may be killed at any moment: what is acknowledged is on disk, so a restart is all that is needed.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

import httpx

from service.client.errors import Unavailable
from service.client.http import local_url
from service.redis.server import RedisNotStarted, RedisServer
from service.settings import Settings
from service.up.child import Child

Say = Callable[[str, str], None]  # kind of event, sentence

TICK_S = 0.1
START_CRASHES = 3  # an API that dies this often before it was ever ready will not come up
READY_S = 180.0
WORKER_STOP_S = 40.0  # a training gets 20 s to its next checkpoint
UP_LINGER_S = 900.0  # people who try things out upload now and then; loading the encoder takes seconds


class Supervisor:
    """The processes of one home. Use it from the main thread alone."""

    def __init__(self, settings: Settings, say: Say) -> None:
        """Plan the processes; `start` begins them.

        Args:
            settings: The settings that every process gets.
            say: Told what happens, for a person.
        """
        self.stop = threading.Event()
        self.url = local_url(settings.host, settings.port)
        self._settings = settings
        self._say = say
        self._waits_for = "it does not answer"
        self._redis = RedisServer(settings.home) if settings.redis_url is None else None
        environment = child_environment(settings)
        logs = settings.home / "logs"
        self._api = Child("api", _command("serve"), logs / "api.log", environment)
        self._worker = Child("worker", _command("worker"), logs / "worker.log", environment)
        self._beat = Child("beat", _command("beat"), logs / "beat.log", environment)
        self._children = (self._api, self._worker, self._beat)

    def start(self) -> None:
        """Start everything and wait until the API is ready.

        Raises:
            Unavailable: Redis or the API does not come up; the message holds the end of its log.
        """
        if self._redis is not None:
            try:
                self._redis.start()
            except RedisNotStarted as error:
                raise Unavailable(str(error)) from error
        for child in self._children:
            child.start()
        with httpx.Client(timeout=2.0, trust_env=False) as http:
            self._wait_ready(http, time.monotonic() + READY_S)

    def _wait_ready(self, http: httpx.Client, deadline: float) -> None:
        while not self.stop.is_set() and not self._ready(http):
            self.tick()
            if self._api.crashes >= START_CRASHES:
                raise Unavailable(f"the API does not start; {self._api.log} ends:\n{self._api.log_tail()}")
            if time.monotonic() > deadline:
                raise Unavailable(f"the API is not ready after {READY_S:.0f} s: {self._waits_for}; see {self._api.log}")
            self.stop.wait(TICK_S)

    def watch(self) -> None:
        """Restart what dies, until `stop` is set."""
        while not self.stop.wait(TICK_S):
            self.tick()

    def tick(self) -> None:
        """Look at every process once."""
        if self._redis is not None and not self._redis.running():
            self._say("restart", "redis died; starting it again, nothing acknowledged is lost")
            try:
                self._redis.start()
            except RedisNotStarted as error:
                self._say("error", str(error))
                self.stop.wait(1.0)
        for child in self._children:
            status = child.look()
            if status is not None:
                self._say(
                    "restart", f"{child.name} ended ({_died(status)}); again in {child.pause_s:g} s, see {child.log}"
                )
            elif child.due():
                child.start()

    def shut_down(self) -> None:
        """Stop everything: the API finishes its open requests first, Redis goes last."""
        self._api.ask_to_stop()
        self._api.wait_stopped(self._settings.drain_s + self._settings.graceful_shutdown_s + 5.0)
        for child in (self._worker, self._beat):
            child.ask_to_stop()
        for child in (self._worker, self._beat):
            child.wait_stopped(WORKER_STOP_S)
        if self._redis is not None:
            self._redis.stop()

    def _ready(self, http: httpx.Client) -> bool:
        """Ask the API; raises Unavailable when a part says that it will not become ready."""
        try:
            answer = http.get(f"{self.url}/readyz")
            parts: dict[str, dict[str, str]] = answer.json()["parts"]
        except (httpx.HTTPError, ValueError, KeyError):
            return False  # not up yet
        self._waits_for = "; ".join(
            f"{name} is {part['state']} {part['detail']}".rstrip()
            for name, part in parts.items()
            if part["state"] not in ("ready", "degraded")
        )
        if any(part["state"] in ("failed", "unsafe") for part in parts.values()):
            raise Unavailable(f"the API cannot serve: {self._waits_for}; see {self._api.log}")
        return answer.status_code == 200


def child_environment(settings: Settings) -> dict[str, str]:
    """Give the environment in which a child loads the same settings."""
    environment = {
        **os.environ,
        "GROUNDLOOP_HOME": str(settings.home),
        "GROUNDLOOP_HOST": settings.host,
        "GROUNDLOOP_PORT": str(settings.port),
        "PYTHONUNBUFFERED": "1",
    }
    if "ingest_linger_s" not in settings.model_fields_set:
        environment["GROUNDLOOP_INGEST_LINGER_S"] = str(UP_LINGER_S)
    return environment


def _command(verb: str) -> list[str]:
    return [sys.executable, "-m", "service.cli", verb, "--parent-pid", str(os.getpid())]


def _died(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
