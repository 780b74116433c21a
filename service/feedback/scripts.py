"""The Lua scripts: each is one atomic write and one round trip. Loaded once, run by hash, loaded again after a Redis restart."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis

Argument = str | bytes | int | float


def source(name: str) -> str:
    """Read the text of one script that ships beside this module."""
    return files("service.feedback").joinpath(f"{name}.lua").read_text()


class Scripts:
    """The scripts bound to one client."""

    def __init__(self, client: Redis) -> None:
        """Bind to a client; nothing is sent yet."""
        self._record = client.register_script(source("record"))

    async def record(self, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """Keep the answers of one request."""
        return await self._record(keys=keys, args=arguments)
