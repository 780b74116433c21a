"""A lean HTTP/1.1 load generator over raw asyncio streams, so that the client costs little of the shared cores.

Every system in a comparison is driven by this same client, from a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, body and headers ready to send."""

    method: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def wire(self, host: str) -> bytes:
        """Give the bytes that go over the socket."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + self.body


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What came back: how many by status, each latency in seconds, and the wall time."""

    statuses: dict[int, int]
    latencies_s: list[float]
    wall_s: float

    @property
    def per_second(self) -> float:
        """Requests answered with 2xx in a second."""
        return sum(n for status, n in self.statuses.items() if 200 <= status < 300) / self.wall_s


def json_request(method: str, path: str, payload: Any, key: str | None = None) -> Request:
    """Build a JSON request, with a bearer key when one is given."""
    headers = [("Content-Type", "application/json")]
    if key:
        headers.append(("Authorization", f"Bearer {key}"))
    return Request(method, path, json.dumps(payload).encode(), tuple(headers))


async def _read_response(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    length = chunked = None
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        match name.strip().lower():
            case b"content-length":
                length = int(value)
            case b"transfer-encoding":
                chunked = True
    if chunked:
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    elif length:
        await reader.readexactly(length)
    return status


async def _client(
    host: str, port: int, requests: list[bytes], statuses: dict[int, int], latencies: list[float], pause_s: float
) -> None:
    reader, writer = await asyncio.open_connection(host, port, limit=2**22)
    while requests:
        wire = requests.pop()
        start = time.perf_counter()
        writer.write(wire)
        try:
            status = await _read_response(reader)
        except asyncio.IncompleteReadError:
            reader, writer = await asyncio.open_connection(host, port, limit=2**22)
            status = 0
        latencies.append(time.perf_counter() - start)
        statuses[status] = statuses.get(status, 0) + 1
        if pause_s:
            await asyncio.sleep(pause_s)
    writer.close()


async def _run(host: str, port: int, requests: Sequence[Request], clients: int, pause_s: float) -> LoadResult:
    queue = [request.wire(host) for request in reversed(requests)]
    statuses: dict[int, int] = {}
    latencies: list[float] = []
    start = time.perf_counter()
    await asyncio.gather(*(_client(host, port, queue, statuses, latencies, pause_s) for _ in range(clients)))
    return LoadResult(statuses, latencies, time.perf_counter() - start)


def _child(args: tuple[str, int, Sequence[Request], int, float]) -> LoadResult:
    return asyncio.run(_run(*args))


def drive(host: str, port: int, requests: Sequence[Request], *, clients: int, pause_s: float = 0.0) -> LoadResult:
    """Send every request over `clients` kept-alive connections, each sending its next `pause_s` after its answer."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_child, ((host, port, requests, clients, pause_s),))
