"""Clients of the Redis that a URL means: of a server, or of whichever server the sentinels call master just now.

Every client of the service is made here or in `service.redis.link`, so that a URL of sentinels works wherever a URL of
a server does.
"""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.asyncio.sentinel import SentinelConnectionPool as AsyncPool
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from service.redis.address import Sentinels, parse_address


class _MasterClient(Redis):
    """A client of the master that lets go of its connections to the sentinels too."""

    def __init__(self, pool: SentinelConnectionPool, manager: Sentinel) -> None:
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True
        self._manager = manager

    def close(self) -> None:
        super().close()
        for sentinel in self._manager.sentinels:
            sentinel.close()


class _AsyncMasterClient(AsyncRedis):
    def __init__(self, pool: AsyncPool, manager: AsyncSentinel) -> None:
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True
        self._manager = manager

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await super().aclose(close_connection_pool)
        for sentinel in self._manager.sentinels:
            await sentinel.aclose()


def open_blocking(url: str, **options: Any) -> Redis:
    """Give a blocking client; nothing is sent yet.

    Args:
        url: As `service.redis.address` describes; AddressError when it names no Redis.
        **options: Of the connections, as `redis.Redis` takes them: `socket_timeout` and the like.

    Returns:
        The client, to be closed.
    """
    address = parse_address(url)
    if isinstance(address, str):
        return Redis.from_url(address, **options)
    once = Retry(NoBackoff(), 0)  # a sentinel that is away is not asked again, the next one is
    manager = Sentinel(list(address.hosts), sentinel_kwargs={"retry": once, **address.of_sentinels()})  # type: ignore[no-untyped-call]
    ssl = {"ssl": True} if address.tls else {}
    pool = SentinelConnectionPool(address.master, manager, **ssl, **address.of_master(), **options)  # type: ignore[no-untyped-call]
    return _MasterClient(pool, manager)


def open_async(url: str, **options: Any) -> AsyncRedis:
    """Give a client for asyncio; see `open_blocking`."""
    address = parse_address(url)
    if isinstance(address, str):
        return AsyncRedis.from_url(address, **options)
    manager = async_sentinels(address)
    ssl = {"ssl": True} if address.tls else {}
    pool = AsyncPool(address.master, manager, **ssl, **address.of_master(), **options)  # type: ignore[no-untyped-call]
    return _AsyncMasterClient(pool, manager)


def async_sentinels(address: Sentinels) -> AsyncSentinel:
    """Give what asks the sentinels for the master."""
    once = AsyncRetry(NoBackoff(), 0)
    return AsyncSentinel(list(address.hosts), sentinel_kwargs={"retry": once, **address.of_sentinels()})  # type: ignore[no-untyped-call]
