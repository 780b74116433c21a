"""Redis for an event loop of its own, in processes that are no API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.redis.server import remembered_url
from service.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

TIMEOUT_S = 10.0  # what runs here may wait for a Redis that rewrites its file


def open_redis(settings: Settings) -> Redis:
    """Give a client; nothing is sent yet.

    Args:
        settings: Name the home, and a Redis of yours if there is one.

    Returns:
        A client made with `decode_responses=False`, to be used in `async with`.

    Raises:
        LookupError: If no Redis is known.
    """
    from service.redis.connect import open_async  # here, so that nothing light starts with redis

    url = settings.redis_url.get_secret_value() if settings.redis_url else remembered_url(settings.home)
    if url is None:
        raise LookupError(f"no Redis is known for {settings.home}: start `groundloop up`, or set REDIS_URL")
    return open_async(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=2.0)
