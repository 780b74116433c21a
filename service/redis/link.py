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
from typing import Literal

import redis.exceptions as errors
from redis.asyncio import Redis

from service.ending import end
from service.redis.address import SENTINEL_TIMEOUT_S
from service.redis.pool import Pool
from service.redis.refused import RedisRefused

LinkState = Literal["up", "down", "unsafe"]
log = logging.getLogger(__name__)


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
            Pool(address, lambda: None if self.state == "up" else self.detail, timeout_s),
            Pool(address, lambda: None, probe_s),
        )
        self.client, self._prober = (Redis.from_pool(pool) for pool in self._pools)

    async def start(self) -> None:
        """Probe once, so that the state is known, then go on in the background."""
        await self.probe()
        self._task = asyncio.create_task(self._watch(), name="redis-probe")

    async def close(self) -> None:
        """Stop probing and close the connections."""
        await end(self._task)
        for client, pool in zip((self.client, self._prober), self._pools, strict=True):
            with contextlib.suppress(errors.RedisError, OSError):
                await client.aclose()
                await pool.close_sentinels()

    async def probe(self) -> None:
        """Ask Redis now and set `state` and `detail`."""
        before, master = self.state, self._pools[1].master
        try:
            async with asyncio.timeout(2 * self._probe_s + self._pools[1].sentinels * SENTINEL_TIMEOUT_S):
                await self._prober.ping()
                if self._pools[1].sentinels and (await self._prober.role())[0] != b"master":
                    raise errors.ReadOnlyError("this Redis is not the master any more")
                if master not in (None, self._pools[1].master):  # a failover too quick to be seen as an outage
                    await self._pools[0].forget()
                problems = [] if before == "up" else await self._check(self._prober)
        except (errors.RedisError, OSError, TimeoutError) as error:
            refusal = (
                str(error) if isinstance(error, RedisRefused) else f"Redis does not answer ({type(error).__name__})"
            )
            self._become("down", refusal)
            for pool in self._pools:
                with contextlib.suppress(errors.RedisError, OSError):
                    await pool.forget()
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
