"""What must be true before anything starts, each with a message that says what to do."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from retrieval.durable import make_directory
from retrieval.errors import StorageFull
from service.client.errors import Clash, ClientError, Refused
from service.pidlock import PidLock


def take_home(home: Path) -> PidLock:
    """Make the home folder if need be and take it for this process.

    Args:
        home: The folder that keeps everything.

    Returns:
        The lock that says so; it must live as long as the process works there.

    Raises:
        Clash: Another `groundloop up` runs on it.
        Refused: The folder cannot be written.
    """
    try:
        for folder in ("run", "logs"):
            make_directory(home / folder)
    except StorageFull as error:
        raise Refused(str(error)) from error
    except OSError as error:
        raise Refused(f"cannot write to {home}: {error.strerror}; set GROUNDLOOP_HOME to a folder of yours") from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise Refused(f"cannot write to {home}; set GROUNDLOOP_HOME to a folder of yours")
    lock = PidLock(home / "run" / "up.pid")
    if not lock.acquire():
        pid = lock.holder()
        raise Clash(
            f"groundloop already runs on {home} (pid {pid}): "
            f"stop it with `kill {pid}`, or set GROUNDLOOP_HOME to another folder"
        )
    return lock


def check_port(host: str, port: int) -> None:
    """Make sure that the API can listen.

    Args:
        host: Address, of IPv4 or IPv6.
        port: TCP port.

    Raises:
        ClientError: The address cannot be bound; Clash when somebody else listens there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            if error.errno in (98, 48):  # EADDRINUSE on Linux and macOS
                raise Clash(
                    f"port {port} of {host} is taken by another program: set GROUNDLOOP_PORT to a free one"
                ) from error
            raise ClientError(
                f"cannot listen on {host} port {port}: {error.strerror}; set GROUNDLOOP_HOST and GROUNDLOOP_PORT"
            ) from error
