"""The service's connection to Redis: short timeouts, and a gate that fails fast while Redis is away, stalled or unsafe.

A probe runs on a connection of its own. While it fails, every other command is refused at once with `RedisRefused` (a
`redis.ConnectionError`), so that a stalled Redis costs a request nothing; the first good probe opens the gate again.
The address is asked for at each new connection, so a Redis that came back on another port is found, and so is the new
master after a failover. Where there are sentinels, a probe also asks whether the server still is the master.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import redis.exceptions as errors
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelManagedConnection, SentinelManagedSSLConnection
from redis.backoff import NoBackoff

from service.redis.address import Sentinels, parse_address
from service.redis.connect import async_sentinels
from service.redis.refused import RedisRefused

LinkState = Literal["up", "down", "unsafe"]
log = logging.getLogger(__name__)


class _Master:
    """Finds the master for one connection; what redis-py expects of a pool there."""

    is_master = True
    check_connection = False

    def __init__(self, sentinels: Sentinel, name: str) -> None:
        self._sentinels = sentinels
        self._name = name

    async def get_master_address(self) -> Any:
        return await self._sentinels.discover_master(self._name)


class _Pool(ConnectionPool):
    """Connections to wherever Redis is now, handed out only while the gate is open."""

    def __init__(self, address: Callable[[], str | None], refusal: Callable[[], str | None], timeout_s: float) -> None:
        super().__init__(max_connections=1024)
        self._address = address
        self._refusal = refusal
        self._sentinels: tuple[Sentinels, Sentinel] | None = None
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
        return options.pop("connection_class", self.connection_class)(**options)

    def _to_master(self, address: Sentinels) -> SentinelManagedConnection:
        if self._sentinels is None or self._sentinels[0] != address:
            self._sentinels = address, async_sentinels(address)
        options = {**self.connection_kwargs, **self._options, **address.of_master()}
        kind = SentinelManagedSSLConnection if address.tls else SentinelManagedConnection
        master = _Master(self._sentinels[1], address.master)
        return kind(connection_pool=master, **options)  # type: ignore[no-untyped-call]

    @property
    def by_sentinel(self) -> bool:
        """Tell whether the master was last found by asking sentinels."""
        return self._sentinels is not None

    async def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        if (refusal := self._refusal()) is not None:
            raise RedisRefused(refusal)
        return await super().get_connection()  # type: ignore[no-untyped-call]

    async def forget_idle(self) -> None:
        """Drop the idle connections, which would come back to the address that they were made for."""
        await self.disconnect(inuse_connections=False)
        self._available_connections.clear()

    async def close_sentinels(self) -> None:
        """Close the connections to the sentinels."""
        for sentinel in self._sentinels[1].sentinels if self._sentinels else ():
            await sentinel.aclose()


class RedisLink:
    """Redis as the service sees it. For one event loop."""

    def __init__(
        self,
        address: Callable[[], str | None],
        *,
        timeout_s: float,
        check: Callable[[Redis], Awaitable[list[str]]],
        unsafe_ok: bool = False,
        probe_s: float = 0.5,
    ) -> None:
        """Plan the link; nothing is sent before `start`.

        Args:
            address: Gives the URL, or None while there is none.
            timeout_s: Longest wait for one command.
            check: Gives the reasons why this Redis could lose what it acknowledges; empty when it could not.
            unsafe_ok: Only warn of those.
            probe_s: Time between probes, and the longest wait for one.
        """
        self.state: LinkState = "down"
        self.detail = "not asked yet"
        self._check = check
        self._unsafe_ok = unsafe_ok
        self._probe_s = probe_s
        self._task: asyncio.Task[None] | None = None
        self._pools = (
            _Pool(address, lambda: None if self.state == "up" else self.detail, timeout_s),
            _Pool(address, lambda: None, probe_s),
        )
        self.client, self._prober = (Redis.from_pool(pool) for pool in self._pools)

    async def start(self) -> None:
        """Probe once, so that the state is known, then go on in the background."""
        await self.probe()
        self._task = asyncio.create_task(self._watch(), name="redis-probe")

    async def close(self) -> None:
        """Stop probing and close the connections."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for client, pool in zip((self.client, self._prober), self._pools, strict=True):
            with contextlib.suppress(errors.RedisError, OSError):
                await client.aclose()
                await pool.close_sentinels()

    async def probe(self) -> None:
        """Ask Redis now and set `state` and `detail`."""
        before = self.state
        try:
            async with asyncio.timeout(2 * self._probe_s):
                await self._prober.ping()
                if self._pools[1].by_sentinel and (await self._prober.role())[0] != b"master":
                    raise errors.ReadOnlyError("this Redis is not the master any more")
                problems = [] if before == "up" else await self._check(self._prober)
        except (errors.RedisError, OSError, TimeoutError) as error:
            refusal = (
                str(error) if isinstance(error, RedisRefused) else f"Redis does not answer ({type(error).__name__})"
            )
            self._become("down", refusal)
            for pool in self._pools:
                with contextlib.suppress(errors.RedisError, OSError):
                    await pool.forget_idle()
            return
        if problems and not self._unsafe_ok:
            self._become("unsafe", "this Redis could lose votes: " + "; ".join(problems))
            return
        if problems:
            log.warning("this Redis could lose votes: %s", "; ".join(problems))
        self._become("up", "")

    def _become(self, state: LinkState, detail: str) -> None:
        if state != self.state:
            log.log(
                logging.INFO if state == "up" else logging.WARNING,
                "redis is %s%s",
                state,
                f": {detail}" if detail else "",
            )
        self.state, self.detail = state, detail

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._probe_s)
            try:
                await self.probe()
            except Exception:  # the watch must outlive whatever a probe meets
                log.exception("the Redis probe failed")
                self._become("down", "the Redis probe failed")
