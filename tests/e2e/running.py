"""A whole Groundloop for tests: `groundloop up` as a real process on a home and a free port."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

READY_S = 170.0


class RunningGroundloop:
    """`groundloop up` on one home; the events that it prints are collected."""

    def __init__(self, home: Path, port: int, *options: str, **settings: str) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{port}"
        self.events: list[dict[str, str]] = []
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDLOOP_")}
        environment.pop("REDIS_URL", None)
        if cache := os.environ.get("GROUNDLOOP_ENCODER_CACHE"):
            environment["GROUNDLOOP_ENCODER_CACHE"] = cache
        environment |= {f"GROUNDLOOP_{name.upper()}": value for name, value in settings.items()}
        command = [sys.executable, "-m", "service.cli", "up", "--home", str(home), "--port", str(port), "--json"]
        self.process = subprocess.Popen(
            [*command, *options],
            env=environment,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def told(self, kind: str) -> str | None:
        """Give the newest sentence of this kind."""
        return next((event["message"] for event in reversed(self.events) if event["event"] == kind), None)

    def wait_for(self, kind: str, timeout_s: float = READY_S) -> str:
        """Wait until a sentence of this kind is printed."""
        wait_until(lambda: self.told(kind) is not None or self.process.poll() is not None, timeout_s)
        told = self.told(kind)
        assert told is not None, f"it ended: {self.errors()}"
        return told

    def errors(self) -> str:
        """Give what it printed on standard error; only after it has ended."""
        assert self.process.stderr is not None
        return self.process.stderr.read()

    @property
    def key(self) -> str:
        """The first admin key."""
        return (self.home / "admin.key").read_text().strip()

    def http(self) -> httpx.Client:
        """Give a client with the first admin key."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=30.0)

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a `groundloop` command against it."""
        environment = {**os.environ, "GROUNDLOOP_HOME": str(self.home), "GROUNDLOOP_URL": self.url}
        command = [sys.executable, "-m", "service.cli", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)

    def family(self) -> list[psutil.Process]:
        """Give every process below it."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def member(self, *words: str) -> list[psutil.Process]:
        """Give the processes below it whose command line holds these words, the eldest first."""
        found = []
        for process in self.family():
            try:
                line = process.cmdline()
            except psutil.NoSuchProcess:
                continue
            if all(any(word in part for part in line) for word in words):
                found.append(process)
        return sorted(found, key=lambda process: process.create_time())

    def stop(self, timeout_s: float = 60.0) -> int:
        """Ask it to stop as Ctrl-C does, and give its exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout_s)

    def destroy(self) -> None:
        """Kill what is left, Redis included."""
        family = self.family() if self.process.poll() is None else []
        for process in (self.process, *family):
            try:
                process.kill()
            except (psutil.NoSuchProcess, ProcessLookupError):
                continue
        self.process.wait()
        kill_redis(self.home)
        self._reader.join(10)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def kill_redis(home: Path) -> None:
    """Kill the Redis of a home, if it is left."""
    try:
        process = psutil.Process(json.loads((home / "run" / "redis.json").read_text())["pid"])
        if "redis-server" in " ".join(process.cmdline()):
            process.kill()
    except (FileNotFoundError, KeyError, psutil.NoSuchProcess):
        return


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(true: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"it did not happen within {timeout_s} s"
        time.sleep(0.05)


def ask(http: httpx.Client, question: str) -> dict[str, Any]:
    """Ask, and give the first choice."""
    answer = http.post(
        "/v1/chat/completions", json={"model": "groundloop", "messages": [{"role": "user", "content": question}]}
    )
    assert answer.status_code == 200, answer.text
    choice: dict[str, Any] = answer.json()["choices"][0]
    return choice
