"""One Lua script and what to give it, as a value: the same call goes through a blocking client or through asyncio's.

Scripts are sent whole once, run by hash, and sent again after Redis restarts. A call that failed with a connection
error may have run; scripts that are called this way bear being run twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Generic, TypeVar

import redis
from redis import asyncio as aio
from redis.exceptions import NoScriptError, OutOfMemoryError, ReadOnlyError, ResponseError

T = TypeVar("T", covariant=True)
Argument = str | int | float
_WRAPPED = re.compile(r"@user_script: ?\d+: -?(OOM|READONLY|MISCONF|NOREPLICAS|MASTERDOWN|LOADING)\b(.*)", re.DOTALL)
_KINDS = {"OOM": OutOfMemoryError, "READONLY": ReadOnlyError}


@dataclass(frozen=True, slots=True)
class Script:
    """The text of a script and its name in Redis."""

    text: str
    sha: str


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """What to run, on what, and how to read the reply."""

    script: Script
    keys: Sequence[str]
    arguments: Sequence[Argument]
    read: Callable[[Any], T]


@lru_cache
def script(package: str, name: str) -> Script:
    """Read a script that ships in a package, after the package's `header.lua`.

    Args:
        package: Such as `service.cycles`.
        name: Of the file, without `.lua`.

    Returns:
        The script.
    """
    folder = files(package)
    text = folder.joinpath("header.lua").read_text() + folder.joinpath(f"{name}.lua").read_text()
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def ask(client: redis.Redis, call: Call[T]) -> T:
    """Run a call and wait for its reply.

    Args:
        client: Made with `decode_responses=False`.
        call: What to run.

    Returns:
        The reply as the call reads it.

    Raises:
        redis.RedisError: Redis is away, full or read-only.
    """
    count, given = len(call.keys), (*call.keys, *call.arguments)
    try:
        try:
            reply = client.evalsha(call.script.sha, count, *given)
        except NoScriptError:
            reply = client.eval(call.script.text, count, *given)
    except ResponseError as error:
        raise unwrapped(error) from error
    return call.read(reply)


async def ask_async(client: aio.Redis, call: Call[T]) -> T:
    """Run a call without blocking the event loop; else as `ask`."""
    count, given = len(call.keys), (*call.keys, *call.arguments)
    try:
        try:
            reply = await client.evalsha(call.script.sha, count, *given)
        except NoScriptError:
            reply = await client.eval(call.script.text, count, *given)
    except ResponseError as error:
        raise unwrapped(error) from error
    return call.read(reply)


def unwrapped(error: Exception) -> Exception:
    """Give the error that a command inside a script met, where Redis before 7 wrapped it; else the error itself."""
    wrapped = _WRAPPED.search(str(error)) if isinstance(error, ResponseError) else None
    if wrapped is None:
        return error
    code, message = wrapped.groups()
    return _KINDS.get(code, ResponseError)(f"{code}{message}")
