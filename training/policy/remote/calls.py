"""One request to the server until its first event: retries, waits, and what a refusal means."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import monotonic, time
from typing import Any

import httpx

from training.policy.base import PolicyError, PolicyUnavailable, PromptTooLong
from training.policy.remote.connection import Connection

_TOO_LONG = re.compile(r"context|too long|maximum.{0,40}(?:length|tokens)|reduce the length|num_ctx", re.IGNORECASE)
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server. All in seconds."""

    connect_s: float = 5.0
    read_s: float = 60.0  # between two pieces of an answer
    total_s: float = 300.0  # for one answer
    retries: int = 2  # before the first token; never after
    backoff_s: float = 0.5  # before the first retry, doubled each time, with jitter
    longest_wait_s: float = 10.0  # a server that asks for more is reported as unavailable instead


class Refused(PolicyError):
    """The server understood the request and will not do it; asking again does not help."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"the model server answered {status}: {message}")
        self.status = status
        self.detail = message


def open_stream(
    client: httpx.Client, payload: dict[str, Any], patience: Patience, connection: Connection
) -> httpx.Response:
    """Send a chat request and give the response once its status is 200, its body unread.

    Args:
        client: Knows the server's address and key.
        payload: The request body.
        patience: Timeouts and retries.
        connection: Learns the socket; its cancelling ends the waiting.

    Returns:
        An open streaming response; the caller closes it.

    Raises:
        PolicyUnavailable: The server cannot be reached, is overloaded, or failed on every attempt.
        PromptTooLong: The server says that the prompt exceeds its context.
        Refused: Any other 4xx.
    """
    started = monotonic()
    for attempt in range(patience.retries + 1):
        wait = patience.backoff_s * 2**attempt * (0.5 + random.random())  # noqa: S311 - jitter, not a secret
        try:
            watched = {"trace": connection.trace}
            request = client.build_request("POST", "chat/completions", json=payload, extensions=watched)
            response = client.send(request, stream=True)
        except (httpx.HTTPError, OSError) as error:
            failure = PolicyUnavailable(f"the model server cannot be reached: {type(error).__name__}")
        else:
            if response.status_code == 200:
                return response
            asked, failure = _refusal(response)
            wait = wait if asked is None else asked
        left = patience.total_s - (monotonic() - started)
        if attempt == patience.retries or wait > min(patience.longest_wait_s, left) or connection.cancelled.wait(wait):
            raise failure
    raise AssertionError("unreachable")


def _refusal(response: httpx.Response) -> tuple[float | None, PolicyUnavailable]:
    """Read a refusal: the wait the server asks for and the error to raise if we do not wait; raise at once what no wait
    mends.
    """
    try:
        response.read()
        detail = detail_of(response)
    except httpx.HTTPError:
        detail = "no reason given"
    finally:
        response.close()
    status = response.status_code
    if status in (400, 413, 422) and _TOO_LONG.search(detail):
        raise PromptTooLong(f"the model server says: {detail}")
    if status not in _PASSING:
        raise Refused(status, detail)
    asked = retry_after(response.headers.get("retry-after"))
    return asked, PolicyUnavailable(
        f"the model server answered {status}: {detail}", retry_after_s=max(1, round(asked or 5))
    )


def retry_after(value: str | None) -> float | None:
    """Read a Retry-After header, seconds or date; None where it says nothing."""
    if not value:
        return None
    try:
        return max(float(value), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(value).timestamp() - time(), 0.0)
    except ValueError:
        return None


def detail_of(response: httpx.Response) -> str:
    """Give what a refusal says, in whichever of the usual shapes; at most 300 characters."""
    try:
        body = response.json()
        error = body.get("error", body)
        told = error.get("message", error.get("detail", error)) if isinstance(error, dict) else error
        return str(told)[:300]
    except (ValueError, AttributeError):
        return response.text[:300]
