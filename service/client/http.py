"""HTTP calls to a running server: addresses, keys, errors and pages. Knows the contract, not what it is used for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import httpx

from service.client.errors import Clash, ClientError, Refused, Unavailable

Json = dict[str, Any]
CONNECT_S = 5.0
READ_S = 120.0
PAGE = 100
PATIENCE = 8  # times that a 429 is waited out
LONGEST_WAIT_S = 15.0


class Server:
    """One Groundloop, reached over HTTP. Thread-safe, as httpx's client is."""

    def __init__(self, url: str, key: str | None, *, transport: httpx.BaseTransport | None = None) -> None:
        """Name a server; nothing is sent yet.

        Args:
            url: Its address, without `/v1`.
            key: API key; None sends none.
            transport: Another way to reach it, for tests.
        """
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(READ_S, connect=CONNECT_S)
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout, transport=transport)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def call(
        self, method: str, path: str, *, body: Json | None = None, query: Mapping[str, str | int] | None = None
    ) -> Json:
        """Send a request.

        Args:
            method: HTTP method.
            path: Path with its `/v1`.
            body: Sent as JSON.
            query: Sent in the URL.

        Returns:
            The answer's JSON.

        Raises:
            ClientError: Of the kind that fits: Unavailable, Refused or Clash.
        """
        return self._send(lambda: self._http.request(method, path, json=body, params=query))

    def pages(self, path: str, *, query: Mapping[str, str | int] | None = None) -> Iterator[Json]:
        """Give every item of a list, page after page."""
        after: str | None = None
        while True:
            page = self.call("GET", path, query={"limit": PAGE, **(query or {}), **({"after": after} if after else {})})
            yield from page["data"]
            if not page.get("has_more") or not page["data"]:
                return
            after = page["data"][-1]["id"]

    def upload(self, content: IO[bytes], filename: str) -> Json:
        """Upload a file for retrieval and give its object."""

        def send() -> httpx.Response:
            content.seek(0)
            return self._http.post("/v1/files", data={"purpose": "assistants"}, files={"file": (filename, content)})

        return self._send(send)

    def _send(self, request: Callable[[], httpx.Response]) -> Json:
        """Send, waiting as told while this key sends too much."""
        for attempt in range(PATIENCE + 1):
            with _translated(self.url):
                answer = request()
            if answer.status_code != 429 or attempt == PATIENCE:
                break
            time.sleep(min(LONGEST_WAIT_S, float(answer.headers.get("Retry-After", 1))))
        _raise_for(answer)
        return dict(answer.json())

    def events(self, path: str, body: Json) -> Iterator[Json]:
        """Send a request and give each server-sent event's JSON until `[DONE]`."""
        with _translated(self.url), self._http.stream("POST", path, json=body) as answer:
            if answer.is_error:
                answer.read()
            _raise_for(answer)
            for line in answer.iter_lines():
                if line == "data: [DONE]":
                    return
                if line.startswith("data: "):
                    event = json.loads(line[6:])
                    if "error" in event:
                        raise Unavailable(str(event["error"].get("message", "the answer broke off")))
                    yield event

    def download(self, path: str, into: IO[bytes], *, query: Mapping[str, str | int] | None = None) -> int:
        """Stream an answer's bytes into a file and give how many there were."""
        size = 0
        with _translated(self.url), self._http.stream("GET", path, params=query) as answer:
            if answer.is_error:
                answer.read()
            _raise_for(answer)
            for part in answer.iter_bytes():
                size += into.write(part)
        return size


def saved_key(home: Path) -> str | None:
    """Give the first admin key that `groundloop up` kept, if this user may read it."""
    try:
        return (home / "admin.key").read_text().strip() or None
    except (FileNotFoundError, PermissionError):
        return None


def local_url(host: str, port: int) -> str:
    """Give the address at which this machine reaches a server that listens on `host`."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class _translated:
    """Turns httpx's errors into ours, with what to do about them."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            message = f"no Groundloop answers at {self._url}: start one with `groundloop up`, or set GROUNDLOOP_URL"
            raise Unavailable(message) from error
        if isinstance(error, httpx.HTTPError | httpx.InvalidURL):
            raise Unavailable(f"the connection to {self._url} failed: {error or type(error).__name__}") from error


def _raise_for(answer: httpx.Response) -> None:
    if not answer.is_error:
        return
    message = _message(answer)
    if answer.status_code == 401:
        raise Refused(f"{message} (set GROUNDLOOP_API_KEY; `groundloop keys create` makes a key)")
    kinds: dict[int, type[ClientError]] = {
        409: Clash,
        429: Unavailable,
        502: Unavailable,
        503: Unavailable,
        504: Unavailable,
    }
    raise kinds.get(answer.status_code, Refused)(message)


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code} {answer.reason_phrase}".strip()
