"""The metrics of API processes that share a port: a scrape reaches one of them, which asks the others.

Each sample gets a label `process`, the place of its process among those that one parent started. Sums are left to
Prometheus: a sum made here would fall when a process dies, which reads as a restart of the counter and shows as a jump.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from retrieval.durable import make_directory
from service.pidlock import PidLock

MOST = 256  # processes; as many as the setting allows, and some that are just leaving
ASK_TIMEOUT_S = 2.0
_LABEL = "process"


class Peers:
    """This process among those that share its port. `start` and `close` belong to one event loop.

    Args:
        folder: For the sockets, `home/run/metrics`; whoever may read it may read the metrics.
        render: Gives this process's own metrics as text; called in a thread.
    """

    def __init__(self, folder: Path, render: Callable[[], bytes]) -> None:
        # The processes of one parent are the ones that share a port; others have an address of their own.
        self._folder = folder / str(os.getppid())
        self._render = render
        self._lock: PidLock | None = None
        self._server: asyncio.Server | None = None
        self.place = 0

    async def start(self) -> None:
        """Take a place and answer the others."""
        make_directory(self._folder)
        _remove_left_over(self._folder.parent)
        for place in range(MOST):
            lock = PidLock(self._folder / f"{place}.lock")
            if lock.acquire(wait_s=0.0):
                self._lock, self.place = lock, place
                break
        else:
            raise RuntimeError(f"more than {MOST} processes of one parent")
        path = self._folder / f"{self.place}.sock"
        path.unlink(missing_ok=True)
        with _short(path) as name:
            self._server = await asyncio.start_unix_server(self._answer, name)
        path.chmod(0o600)

    async def close(self) -> None:
        """Give the place back."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        if self._lock is not None:
            (self._folder / f"{self.place}.sock").unlink(missing_ok=True)
            self._lock.release()

    def gather(self) -> bytes:
        """Give the metrics of all of them as one text; blocks for as long as the slowest takes, up to a limit."""
        parts = {self.place: self._render().decode()}
        for path in self._folder.glob("*.sock"):
            place = int(path.stem)
            if place != self.place and (text := _ask(path)) is not None:
                parts[place] = text
        return merged(parts)

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(await asyncio.to_thread(self._render))
            await writer.drain()
        except OSError:
            pass  # whoever asked has left
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def merged(parts: dict[int, str]) -> bytes:
    """Make one text of the metrics of several processes, each sample labelled with its process."""
    families: dict[str, Metric] = {}
    for place, text in sorted(parts.items()):
        for family in text_string_to_metric_families(text):
            kept = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            for sample in family.samples:
                kept.samples.append(sample._replace(labels={**sample.labels, _LABEL: str(place)}))
    return generate_latest(_Families(families.values()))


class _Families:
    """What `generate_latest` asks of a registry."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _ask(path: Path) -> str | None:
    """Read a process's metrics; None when it is gone."""
    try:
        with _short(path) as name, socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ASK_TIMEOUT_S)
            connection.connect(name)
            pieces = []
            while piece := connection.recv(1 << 16):
                pieces.append(piece)
    except OSError:
        return None
    text = b"".join(pieces).decode()
    return text if text.endswith("\n") else None  # it died while it told


def _remove_left_over(folder: Path) -> None:
    """Delete the folders of parents that are no more."""
    for path in folder.iterdir():
        try:
            os.kill(int(path.name), 0)
        except ProcessLookupError:
            shutil.rmtree(path, ignore_errors=True)
        except (OSError, ValueError):
            continue  # somebody else's


@contextlib.contextmanager
def _short(path: Path) -> Iterator[Any]:
    """Give a name for a socket's path that fits into the 107 bytes that the system has for it."""
    if len(os.fsencode(path)) <= 107:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
