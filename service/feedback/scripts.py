"""The Lua scripts, each one atomic step and one round trip.

Sent whole once, run by hash, sent again after Redis restarts.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis

Argument = str | bytes | int | float


def source(name: str) -> str:
    """Read the text of one script that ships beside this module, after what the scripts share."""
    folder = files("service.feedback")
    return folder.joinpath("header.lua").read_text() + folder.joinpath(f"{name}.lua").read_text()


class Script:
    """One script bound to a client."""

    def __init__(self, client: Redis, name: str) -> None:
        """Bind; nothing is sent yet."""
        self._script = client.register_script(source(name))

    async def __call__(self, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """Run it; the reply is as Redis gave it."""
        return await self._script(keys=keys, args=arguments)
