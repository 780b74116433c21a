"""One supervised process: in a session of its own, restarted with a growing pause, stopped politely and then not."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from retrieval.durable import make_directory

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_S = 60.0  # a child that lived this long has earned a quick restart
LOG_LIMIT_BYTES = 20 * 1024 * 1024


class Child:
    """A process and its restarts. Not thread-safe: the kernel ties a child to the thread that started it."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        """Plan a child without starting it.

        Args:
            name: What people call it.
            command: Program and arguments.
            log: File that takes its output.
            environment: Its whole environment.
        """
        self.name = name
        self.log = log
        self.crashes = 0  # in a row
        self._command = list(command)
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._due = 0.0

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process; its output is appended to the log."""
        make_directory(self.log.parent)
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > LOG_LIMIT_BYTES:
                self.log.replace(self.log.with_suffix(".1.log"))
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is ours to pass on, in order
            )
        self._started = time.monotonic()

    def look(self) -> int | None:
        """Give the exit status once when the process has died, and plan its restart; None otherwise."""
        if self._process is None or (status := self._process.poll()) is None:
            return None
        self._process = None
        steady = time.monotonic() - self._started > STEADY_S
        self.crashes = 1 if steady else self.crashes + 1
        self._due = time.monotonic() + self.pause_s
        return status

    @property
    def pause_s(self) -> float:
        """Time to wait after this many crashes in a row."""
        return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(10, self.crashes - 1)))

    def due(self) -> bool:
        """Tell whether it is dead and its pause is over."""
        return self._process is None and time.monotonic() >= self._due

    def ask_to_stop(self) -> None:
        """Send SIGTERM, if it runs."""
        if self._process is not None:
            self._process.terminate()

    def wait_stopped(self, timeout_s: float) -> bool:
        """Wait for the end after `ask_to_stop`; kill its whole group when the time is over.

        Args:
            timeout_s: How long it may take to leave.

        Returns:
            Whether it left by itself.
        """
        if self._process is None:
            return True
        left = True
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            left = False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        return left

    def log_tail(self, lines: int = 12) -> str:
        """Give the end of its log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return "(no log)"
