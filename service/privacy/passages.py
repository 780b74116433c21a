"""Deletes the passages that no prompt shows any more.

Passages are kept once by their content, however many prompts show them, and nobody counts: a prompt that goes names its
passages as doomed, and a look through all prompts finds which of those are shown by another. A prompt that is recorded
meanwhile takes its passages off the list (`feedback/record.lua`), so none is deleted that something shows.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import redis

from service.feedback import keys as feedback
from service.privacy import keys
from service.privacy.forget import passages_in
from service.redis.calls import Call, ask, script

LOCK_MS = 60_000  # renewed with every piece
PIECE = 500


def drop_unshown(client: redis.Redis) -> int:
    """Delete doomed passages that nothing shows.

    Args:
        client: Made with `decode_responses=False`.

    Returns:
        How many were deleted; 0 while another process looks.

    Raises:
        redis.RedisError: Redis is away; the next look finds what is left.
    """
    me = secrets.token_hex(8)
    if not _begin(client, me):
        _release(client, me)
        return 0
    doomed = set(_members(client))
    for prompts in _prompts(client):
        shown = sorted({name for prompt in prompts for name in passages_in(prompt)} & doomed)
        if _tell(client, me, shown, delete=False) < 0:
            return 0  # another process took over: it was too long since the last word
        doomed -= set(shown)
        if not doomed:
            break
    names, gone = sorted(doomed), 0
    for first in range(0, len(names), PIECE):
        done = _tell(client, me, names[first : first + PIECE], delete=True)
        if done < 0:
            return gone
        gone += done
    _release(client, me)
    return gone


def _begin(client: redis.Redis, me: str) -> int:
    call = Call(script("service.privacy", "doom"), [keys.DOOMED, keys.LOOKED_AT, keys.LOOKING], [me, LOCK_MS], int)
    return ask(client, call)


def _tell(client: redis.Redis, me: str, names: Sequence[str], *, delete: bool) -> int:
    call = Call(
        script("service.privacy", "drop"), [keys.LOOKED_AT, keys.LOOKING], [me, LOCK_MS, int(delete), *names], int
    )
    return ask(client, call)


def _release(client: redis.Redis, me: str) -> None:
    if client.get(keys.LOOKING) == me.encode():
        client.delete(keys.LOOKING)


def _members(client: redis.Redis) -> Iterator[str]:
    for name in client.sscan_iter(keys.LOOKED_AT, count=PIECE):
        yield name.decode()


def _prompts(client: redis.Redis) -> Iterator[list[bytes]]:
    """Give every prompt there is from beginning to end of the look, some at a time."""
    cursor = 0
    while True:
        reply: Any = client.scan(cursor, match=feedback.prompt("*"), count=PIECE)
        cursor, names = reply
        wanted = [name for name in names if not name.endswith(b":answers")]
        if wanted:
            values: Any = client.mget(wanted)
            yield [value for value in values if value is not None]
        if cursor == 0:
            return
