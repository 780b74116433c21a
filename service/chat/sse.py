"""Server-sent events: how they are written, and a response that ends with its reader.

Starlette's own streaming response closes its generator late when a send is stuck, and not at all when it never began;
here the work behind a stream is stopped whichever way the stream ends.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

log = logging.getLogger(__name__)

PING = b": ping\n\n"
DONE = b"data: [DONE]\n\n"
HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


def event(data: Mapping[str, Any]) -> bytes:
    """Encode one event."""
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


async def disconnected(receive: Receive) -> None:
    """Return when the client has gone. The request's body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


class EventStream(Response):
    """A stream of encoded events. Whether it ends, breaks, stalls or loses its reader, `on_close` is called once."""

    media_type = "text/event-stream"

    def __init__(
        self, events: AsyncGenerator[bytes, None], *, on_close: Callable[[], None], send_timeout_s: float
    ) -> None:
        """Plan the response; nothing is read from `events` before the response is sent."""
        self.status_code = 200
        self.background = None
        self.init_headers(HEADERS)
        self._events = events
        self._on_close = on_close
        self._send_timeout_s = send_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until they end or the reader has gone."""
        gone = asyncio.create_task(disconnected(receive), name="sse-disconnect")
        sending = asyncio.create_task(self._send_all(send), name="sse-send")
        try:
            await asyncio.wait({gone, sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._on_close()
            finished = sending.done()
            for task in (gone, sending):
                task.cancel()
            await asyncio.wait({gone, sending})
        if finished:
            try:
                sending.result()
            except TimeoutError:
                log.info("a reader took nothing for %g s; its stream was closed", self._send_timeout_s)

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._events) as events:
            async for payload in events:
                await self._send(send, payload, more=True)
        await self._send(send, b"", more=False)

    async def _send(self, send: Send, payload: bytes, *, more: bool) -> None:
        # A reader that keeps its connection and takes nothing would hold its place for ever.
        async with asyncio.timeout(self._send_timeout_s):
            await send({"type": "http.response.body", "body": payload, "more_body": more})
