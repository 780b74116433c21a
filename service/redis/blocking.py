"""A blocking client of the Redis that these settings mean, for threads and for processes without an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.redis.server import remembered_url
from service.settings import Settings

if TYPE_CHECKING:
    from redis import Redis

TIMEOUT_S = 10.0  # what runs here may wait for a Redis that rewrites its file


def connect(settings: Settings, *, timeout_s: float = TIMEOUT_S) -> Redis:
    """Give a client; nothing is sent yet.

    Args:
        settings: Name the home, and a Redis of yours if there is one.
        timeout_s: Longest wait for one command.

    Returns:
        A client made with `decode_responses=False`.

    Raises:
        LookupError: If no Redis is known.
    """
    from service.redis.connect import open_blocking  # here, so that the command line starts without redis

    url = settings.redis_url.get_secret_value() if settings.redis_url else remembered_url(settings.home)
    if url is None:
        raise LookupError(f"no Redis is known for {settings.home}: start `groundloop up`, or set REDIS_URL")
    return open_blocking(url, socket_timeout=timeout_s, socket_connect_timeout=min(timeout_s, 2.0))
