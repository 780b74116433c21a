"""What happens around every request.

Its id, its log line, its metrics, the limit on its body, and the 500 of last resort.

Plain ASGI, because a middleware that wraps the response would buffer streams and hide disconnects.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import ApiError
from service.logs import request_id
from service.settings import Settings

log = logging.getLogger("service.access_log")

_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_QUIET = {"/healthz", "/readyz", "/metrics", "/page/{path}"}
# What is private stays out of the caches of a browser that somebody else uses next, and is what it says it is.
_USUAL = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_END_USER = re.compile(r"(/user:).*", re.DOTALL)  # the rest of a path that names one
UPLOAD_PATH = "/v1/files"
MULTIPART_OVERHEAD_BYTES = 64 * 1024


class RequestMiddleware:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Wrap the app."""
        self.app = app
        self._max_body_bytes = settings.max_body_bytes
        self._max_upload_bytes = settings.max_upload_bytes + MULTIPART_OVERHEAD_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        limit = self._max_upload_bytes if scope["path"] == UPLOAD_PATH else self._max_body_bytes
        token = request_id.set(exchange.request_id)
        try:
            length = exchange.header(b"content-length")
            if length is not None and length.isdigit() and int(length) > limit:
                raise _too_large(limit)
            await self.app(scope, _limited(receive, limit), exchange.send)
        except ApiError as error:
            await exchange.fail(error)
        except Exception:
            log.exception("a request failed: this is a bug", extra={"method": scope["method"], "path": _told(scope)})
            await exchange.fail(
                ApiError(500, f"something went wrong here; the log has it under request id {exchange.request_id}")
            )
        finally:
            exchange.finish()
            request_id.reset(token)


class _Exchange:
    """One request and what became of it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._started = time.perf_counter()
        self._status = 0
        offered = self.header(b"x-request-id")
        self.request_id = offered if offered and _ID.fullmatch(offered) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = self.request_id

    def header(self, name: bytes) -> str | None:
        for key, value in self._scope["headers"]:
            if key == name:
                return str(value.decode("latin-1"))
        return None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            told = list(message.get("headers", []))
            names = {name.lower() for name, _ in told}
            told += [(name, value) for name, value in _USUAL if name not in names]
            message["headers"] = [*told, (b"x-request-id", self.request_id.encode())]
        await self._send(message)

    async def fail(self, error: ApiError) -> None:
        """Send the envelope, unless the response has begun: then the connection can only break."""
        if self._status:
            raise error
        body = json.dumps(error.body()).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body)), **error.headers()}
        if error.status == 413:
            headers["connection"] = "close"  # the rest of the body is not going to be read
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": error.status, "headers": raw})
        await self.send({"type": "http.response.body", "body": body})

    def finish(self) -> None:
        """Count and log."""
        seconds = time.perf_counter() - self._started
        route = self._scope.get("route")
        path = getattr(route, "path_format", None) or "unmatched"  # a label a route, not a label a document
        method = self._scope["method"]
        status = self._status or 499  # the client left before there was a response
        container = getattr(getattr(self._scope.get("app"), "state", None), "container", None)
        metrics: Any = getattr(container, "metrics", None)
        if metrics is not None:
            known = method if method in {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"} else "other"
            metrics.requests_total.labels(known, path, status).inc()
            metrics.request_seconds.labels(path).observe(seconds)
        level = logging.DEBUG if path in _QUIET else logging.INFO
        if log.isEnabledFor(level):
            extra = {"method": method, "path": _told(self._scope), "status": status, "ms": round(seconds * 1000, 1)}
            key_id = self._scope.get("state", {}).get("key_id")
            log.log(level, "request", extra=extra if key_id is None else {**extra, "key": key_id})


def _told(scope: Scope) -> str:
    """Give a path as it may be logged: who is meant is nobody's business there."""
    return _END_USER.sub(r"\1***", scope["path"])


def _limited(receive: Receive, limit: int) -> Receive:
    total = 0

    async def limited() -> Message:
        nonlocal total
        message = await receive()
        if message["type"] == "http.request":
            total += len(message.get("body", b""))
            if total > limit:
                # Not an ApiError: while it reads a body, FastAPI lets only this type through.
                raise HTTPException(413, _too_large(limit).message)
        return message

    return limited


def _too_large(limit: int) -> ApiError:
    return ApiError(413, f"the request is too large; up to {limit} bytes are taken here")
