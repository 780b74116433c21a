"""Every other key that Redis alone holds - cycles, fates of judgements, consents, exclusions - as portable values.

Left out: what the record already holds in its own form, what expires by itself, what belongs to Celery, and locks.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from service.archive.items import StateItem

if TYPE_CHECKING:
    from redis import Redis

# Of the record: rebuilt from its items, or counted anew. Of others: passing, or of this one Redis.
LEFT_OUT = (
    "gl:answer:",
    "gl:answers",
    "gl:prompt:",
    "gl:passage:",
    "gl:user:",
    "gl:feedback",
    "gl:votes:",
    "gl:prefs:",
    "gl:voter:",
    "gl:rate:",
    "gl:once:",
    "gl:broker:",
    "gl:journals",
    "gl:rebuild:",
    "gl:archive:",
    "gl:doomed",
    "gl:days",
    "gl:readers",
)
BATCH = 500


def state_items(client: Redis) -> Iterator[list[StateItem]]:
    """Give the other keys in pieces; those that expire are left out.

    Args:
        client: Redis, with `decode_responses=False`.

    Yields:
        list[StateItem]: Some of them.
    """
    cursor = 0
    while True:
        reply: Any = client.scan(cursor, match="gl:*", count=BATCH)
        cursor, found = reply
        wanted = [key for key in found if not key.decode().startswith(LEFT_OUT)]
        if wanted:
            yield read_state(client, wanted)
        if cursor == 0:
            return


def read_state(client: Redis, names: Sequence[bytes]) -> list[StateItem]:
    """Read keys by their types; those that are gone or expire are left out."""
    with client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.type(name)
            pipeline.pttl(name)
        told: list[Any] = pipeline.execute()
    kept = [
        (name, kind.decode())
        for name, kind, lives_ms in zip(names, told[::2], told[1::2], strict=True)
        if lives_ms == -1 and kind.decode() in _READERS
    ]
    with client.pipeline(transaction=False) as pipeline:
        for name, kind in kept:
            pipeline.execute_command(*(name if part == "KEY" else part for part in _READERS[kind]))  # type: ignore[no-untyped-call]
        values: list[Any] = pipeline.execute(raise_on_error=False)
    return [
        StateItem(name.decode(), kind, json.dumps(_portable(kind, value)).encode())
        for (name, kind), value in zip(kept, values, strict=True)
        if value is not None and not isinstance(value, Exception)
    ]


def restore_state(client: Redis, items: Sequence[StateItem]) -> int:
    """Write keys that do not exist; those that do are newer and stay.

    Args:
        client: Redis.
        items: The keys.

    Returns:
        How many were written.
    """
    if not items:
        return 0
    with client.pipeline(transaction=False) as pipeline:
        for item in items:
            pipeline.exists(item.key)
        there: list[Any] = pipeline.execute()
    missing = [item for item, exists in zip(items, there, strict=True) if not exists]
    with client.pipeline(transaction=False) as pipeline:
        for item in missing:
            values = [base64.b64decode(value) for value in json.loads(item.value)]
            if values:
                pipeline.execute_command(_WRITERS[item.kind], item.key, *values)  # type: ignore[no-untyped-call]
        pipeline.execute()
    return len(missing)


_READERS: dict[str, tuple[Any, ...]] = {
    "string": ("GET", "KEY"),
    "hash": ("HGETALL", "KEY"),
    "list": ("LRANGE", "KEY", 0, -1),
    "set": ("SMEMBERS", "KEY"),
    "zset": ("ZRANGE", "KEY", 0, -1, "WITHSCORES"),
}
_WRITERS = {"string": "SET", "hash": "HSET", "list": "RPUSH", "set": "SADD", "zset": "ZADD"}


def _portable(kind: str, value: Any) -> list[str]:
    """Give the arguments that write the value again, in base64."""
    if kind == "string":
        parts: list[bytes] = [value]
    elif kind == "hash":
        flat = value.items() if isinstance(value, dict) else zip(value[::2], value[1::2], strict=True)
        parts = [part for pair in flat for part in pair]
    elif kind == "zset":
        parts = [part for member, score in _scored(value) for part in (repr(score).encode(), member)]
    else:
        parts = sorted(value) if kind == "set" else list(value)
    return [base64.b64encode(part).decode() for part in parts]


def _scored(value: Any) -> list[tuple[bytes, float]]:
    if value and isinstance(value[0], list | tuple):
        return [(member, float(score)) for member, score in value]
    return [(member, float(score)) for member, score in zip(value[::2], value[1::2], strict=True)]
