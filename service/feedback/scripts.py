"""The Lua scripts, each one atomic step and one round trip.

Sent whole once, run by hash, sent again after Redis restarts. Redis before 7 wraps an error met inside a script (full,
read-only) in one of its own; it is unwrapped here, so that callers see the same errors as for plain commands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from redis import exceptions as errors
from redis.asyncio import Redis

_WRAPPED = re.compile(r"@user_script: ?\d+: -?(OOM|READONLY|MISCONF|NOREPLICAS|MASTERDOWN|LOADING)\b(.*)", re.DOTALL)
_KINDS = {"OOM": errors.OutOfMemoryError, "READONLY": errors.ReadOnlyError}

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
        try:
            return await self._script(keys=keys, args=arguments)
        except errors.ResponseError as error:
            wrapped = _WRAPPED.search(str(error))
            if wrapped is None:
                raise
            code, message = wrapped.groups()
            raise _KINDS.get(code, errors.ResponseError)(f"{code}{message}") from error
