"""The Lua scripts, each one atomic step. Calls made at the same time travel together.

While one batch is on its way, the calls that arrive wait for it and leave as the next one: under load a system call, a
wake-up of Redis and an fsync serve many callers, and a lone caller waits for nobody. Where replicas must hold what is
acknowledged, one WAIT follows the batch on its connection, and what they did not confirm in time is an error. Scripts
are sent whole once, run by hash, and sent again after Redis restarts. Redis before 7 wraps an error met inside a script
(full, read-only) in one of its own; it is unwrapped here, so that callers see the same errors as for plain commands.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from redis import exceptions as errors
from redis.asyncio import Redis

from service.redis.calls import unwrapped
from service.redis.refused import NotReplicated

WAIT_MS = 500  # a replica beside us confirms in about one; longer than this it is away
MAX_BATCH = 64  # calls; more would hold up the first of them
Argument = str | bytes | int | float
_Call = tuple[tuple[Argument, ...], "Script", "asyncio.Future[Any]"]


def source(name: str) -> str:
    """Read the text of one script that ships beside this module, after what the scripts share."""
    folder = files("service.feedback")
    return folder.joinpath("header.lua").read_text() + folder.joinpath(f"{name}.lua").read_text()


class Batches:
    """Sends the calls of one client. For one event loop."""

    def __init__(self, client: Redis, min_replicas: int = 0) -> None:
        """Send nothing yet.

        Args:
            client: Redis.
            min_replicas: Replicas that must hold what was written before a call returns.
        """
        self.client = client
        self._min_replicas = min_replicas
        self._waiting: list[_Call] = []
        self._sender: asyncio.Task[None] | None = None

    async def call(self, script: Script, arguments: tuple[Argument, ...]) -> Any:
        """Run a script; gives its reply or raises its error. A caller who leaves does not stop what was sent."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((arguments, script, future))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all(), name="feedback-batches")
        return await future

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                try:
                    replies = await self._send(batch)
                except Exception as error:
                    replies = [error] * len(batch)
                except asyncio.CancelledError:  # the loop is closing
                    for _, _, future in (*batch, *self._waiting):
                        future.cancel()
                    raise
                for (_, _, future), reply in zip(batch, replies, strict=True):
                    _settle(future, reply)
        finally:
            self._sender = None

    async def _send(self, batch: list[_Call]) -> list[Any]:
        replies = await self._pipeline(batch)
        unknown = [number for number, reply in enumerate(replies) if isinstance(reply, errors.NoScriptError)]
        if unknown:
            for script in {batch[number][1] for number in unknown}:
                await self.client.script_load(script.text)
            again = await self._pipeline([batch[number] for number in unknown])
            for number, reply in zip(unknown, again, strict=True):
                replies[number] = reply
        return replies

    async def _pipeline(self, batch: list[_Call]) -> list[Any]:
        async with self.client.pipeline(transaction=False) as pipeline:
            for arguments, script, _ in batch:
                pipeline.execute_command("EVALSHA", script.sha, *arguments)
            if not self._min_replicas:
                return list(await pipeline.execute(raise_on_error=False))
            pipeline.execute_command("WAIT", self._min_replicas, WAIT_MS)
            *replies, confirmed = await pipeline.execute(raise_on_error=False)
            if not isinstance(confirmed, int) or confirmed < self._min_replicas:
                unconfirmed = NotReplicated(f"not confirmed by {self._min_replicas} replicas; say it again")
                return [reply if isinstance(reply, Exception) else unconfirmed for reply in replies]
            return replies


class Script:
    """One script that goes with the batches."""

    def __init__(self, batches: Batches, name: str) -> None:
        """Read the script; nothing is sent yet."""
        self.text = source(name)
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        self._batches = batches

    async def __call__(self, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """Run it; the reply is as Redis gave it."""
        return await self._batches.call(self, (len(keys), *keys, *arguments))


def _settle(future: asyncio.Future[Any], reply: Any) -> None:
    if future.done():
        return  # its caller left
    if isinstance(reply, Exception):
        future.set_exception(unwrapped(reply))
    else:
        future.set_result(reply)
