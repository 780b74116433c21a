"""Connections of the service: each made to where Redis is at that moment, handed out only while the gate is open."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import redis.exceptions as errors
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelManagedConnection, SentinelManagedSSLConnection
from redis.backoff import NoBackoff

from service.redis.address import Sentinels, parse_address
from service.redis.connect import async_sentinels
from service.redis.refused import RedisRefused


class _Master:
    """Finds the master for one connection; what redis-py expects of a pool there."""

    is_master = True
    check_connection = False

    def __init__(self, sentinels: Sentinel, name: str, found: Callable[[Any], None]) -> None:
        self._sentinels = sentinels
        self._name = name
        self._found = found

    async def get_master_address(self) -> Any:
        address = await self._sentinels.discover_master(self._name)
        self._found(address)
        return address


class _ClosedIsAnOutage:
    """For a connection class: what uvloop says of a peer that closed a moment ago is a connection error too."""

    async def _send_packed_command(self, command: Any) -> None:
        try:
            await super()._send_packed_command(command)  # type: ignore[misc]
        except RuntimeError as error:  # "unable to perform operation on <TCPTransport closed=True ...>"
            raise ConnectionResetError(str(error)) from error


@functools.cache
def _kind(kind: type[Any]) -> type[Any]:
    return type(kind.__name__, (_ClosedIsAnOutage, kind), {})


class Pool(ConnectionPool):
    """Connections to wherever Redis is now, handed out only while the gate is open."""

    def __init__(self, address: Callable[[], str | None], refusal: Callable[[], str | None], timeout_s: float) -> None:
        super().__init__(max_connections=1024)
        self._address = address
        self._refusal = refusal
        self._sentinels: tuple[Sentinels, Sentinel] | None = None
        self._stale: WeakSet[Any] = WeakSet()
        self.master: Any = None  # where the sentinels said that the master is
        self._options: dict[str, Any] = {
            "socket_timeout": timeout_s,
            "socket_connect_timeout": min(timeout_s, 1.0),
            # Once more over a fresh connection when an idle one turns out to be dead; never after a timeout.
            "retry": Retry(NoBackoff(), 1, supported_errors=(errors.ConnectionError,)),
        }

    def make_connection(self) -> Any:
        url = self._address()
        if url is None:
            raise RedisRefused("no Redis is running for this home; `groundloop up` starts one, or set REDIS_URL")
        address = parse_address(url)
        if isinstance(address, Sentinels):
            return self._to_master(address)
        # parse_url names the connection class only where it is not plain TCP.
        options = {**self.connection_kwargs, **self._options, **parse_url(url)}
        return _kind(options.pop("connection_class", self.connection_class))(**options)

    def _to_master(self, address: Sentinels) -> Any:
        if self._sentinels is None or self._sentinels[0] != address:
            self._sentinels = address, async_sentinels(address)
        options = {**self.connection_kwargs, **self._options, **address.of_master()}
        kind = SentinelManagedSSLConnection if address.tls else SentinelManagedConnection
        master = _Master(self._sentinels[1], address.master, self._found)
        return _kind(kind)(connection_pool=master, **options)

    @property
    def sentinels(self) -> int:
        """Count the sentinels that were last asked for the master; 0 where the URL names a server."""
        return len(self._sentinels[0].hosts) if self._sentinels else 0

    async def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        if (refusal := self._refusal()) is not None:
            raise RedisRefused(refusal)
        return await super().get_connection()  # type: ignore[no-untyped-call]

    async def release(self, connection: Any) -> None:
        """Take a connection back, and drop it if it leads to where Redis was before."""
        stale = connection in self._stale
        if stale:
            connection.mark_for_reconnect()
        await super().release(connection)
        if stale:
            with contextlib.suppress(ValueError):  # taken again meanwhile: it has been closed and asks anew
                self._available_connections.remove(connection)

    async def forget(self) -> None:
        """Drop the idle connections, and those in use when they come back: each leads to the address of its time."""
        self._stale.update(self._in_use_connections)
        await self.disconnect(inuse_connections=False)
        self._available_connections.clear()

    def _found(self, address: Any) -> None:
        self.master = address

    async def close_sentinels(self) -> None:
        """Close the connections to the sentinels."""
        for sentinel in self._sentinels[1].sentinels if self._sentinels else ():
            await sentinel.aclose()
