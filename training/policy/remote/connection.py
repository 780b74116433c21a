"""The connection of one answer, which another thread may cut at any moment, even before the server's first byte."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from threading import Event, Lock
from typing import Any

_CONNECTED = ("connection.connect_tcp.complete", "connection.start_tls.complete")


class Connection:
    """Learns its socket from httpx's trace events. `cut` is final and thread-safe."""

    def __init__(self) -> None:
        self.cancelled = Event()
        self._lock = Lock()
        self._socket: socket.socket | None = None

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take an event of httpx's `trace` extension."""
        if event in _CONNECTED:
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket")
            if self.cancelled.is_set():
                self._shut()

    def cut(self) -> None:
        """Shut the socket: a thread that waits for its next byte gets an end of file, and the server sees the client
        leave.
        """
        self.cancelled.set()
        self._shut()

    def _shut(self) -> None:
        with self._lock:
            if self._socket is not None:
                with contextlib.suppress(OSError):  # closed already, or by the server
                    self._socket.shutdown(socket.SHUT_RDWR)
