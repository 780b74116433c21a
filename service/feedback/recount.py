"""Makes anew what follows from the log, after Redis lost its data and got them back: counts by day, missing documents.

Blocking; reads the streams in pieces.

Whoever records meanwhile counts on: what came after the beginning is theirs to count, what was there before is ours.
"""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from service.feedback import keys
from service.feedback.days import DAY_S, field_of

if TYPE_CHECKING:
    from redis import Redis

LOCK = "gl:days:counting"
LOCK_MS = 30_000
POLL_S = 0.05
PIECE = 1000
_THUMBS = ("up", "down")


def recount(client: Redis) -> None:
    """Count again; hosts that share a Redis do it one after the other, and the last one has seen what all put back.

    Args:
        client: Made with `decode_responses=False`.

    Raises:
        redis.RedisError: Redis is away; do it again.
    """
    with _alone(client) as token:
        with client.pipeline(transaction=True) as pipeline:
            pipeline.delete(keys.DAYS)
            pipeline.xrevrange(keys.ANSWERS, count=1)
            pipeline.xrevrange(keys.FEEDBACK, count=1)
            _, *newest = pipeline.execute()
        counts: Counter[str] = Counter()
        for piece in _pieces(client, token, keys.ANSWERS, newest[0]):
            counts.update(field_of(_day(entry_id), "answers") for entry_id, _ in piece)
        stands: dict[bytes, str] = {}  # entry -> where it is counted
        missing: dict[bytes, str] = {}  # entry -> the answer for which it says that a document is missing
        for piece in _pieces(client, token, keys.FEEDBACK, newest[1]):
            for entry_id, said in piece:
                for known in (stands, missing):
                    known.pop(said.get(b"p", b""), None)
                if _says_missing(said):
                    missing[entry_id] = said[b"a"].decode().partition(",")[0]
                if what := _counted_as(said):
                    stands[entry_id] = field_of(_day(entry_id), what)
        counts.update(stands.values())
        with client.pipeline(transaction=True) as pipeline:
            for field, number in counts.items():
                pipeline.hincrby(keys.DAYS, field, number)
            pipeline.execute()
        _note_missing(client, missing)


def _says_missing(said: dict[bytes, bytes]) -> bool:
    payload = said.get(b"d", b"{}")
    return b'"missing_document"' in payload and "missing_document" in json.loads(payload).get("reasons", ())


def _note_missing(client: Redis, missing: dict[bytes, str]) -> None:
    """Put answers into the inbox that are in no part of it: what an operator noted came back with the other keys."""
    when = {answer: int(entry_id.partition(b"-")[0]) for entry_id, answer in missing.items()}  # the last entry counts
    for first in range(0, len(when), PIECE):
        names = list(when)[first : first + PIECE]
        with client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.zscore(keys.MISSING_DONE, name)
            done = pipeline.execute()
        new = {name: when[name] for name, score in zip(names, done, strict=True) if score is None}
        if new:
            client.zadd(keys.MISSING_OPEN, new, nx=True)


def _counted_as(said: dict[bytes, bytes]) -> str | None:
    """Say as what an entry of the log is counted, as the scripts do; None for neither."""
    stated = said.get(b"r", b"").decode()
    if said.get(b"k") == b"preference":
        return None if stated == "withdrawn" else "preferences"
    return stated if stated in _THUMBS else None


def _day(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0]) // (DAY_S * 1000)


def _pieces(client: Redis, token: str, name: str, newest: Any) -> Iterator[list[Any]]:
    """Give the entries of a stream up to the newest one at the beginning; keeps the lock meanwhile."""
    if not newest:
        return
    start, stop = "-", newest[0][0].decode()
    while True:
        piece: Any = client.xrange(name, start, stop, count=PIECE)
        if not piece:
            return
        yield piece
        start = f"({piece[-1][0].decode()}"
        if client.get(LOCK) == token.encode():
            client.pexpire(LOCK, LOCK_MS)


@contextmanager
def _alone(client: Redis) -> Iterator[str]:
    """Wait for the lock; that of a killed process ends by itself."""
    token = secrets.token_hex(8)
    while not client.set(LOCK, token, nx=True, px=LOCK_MS):
        time.sleep(POLL_S)
    try:
        yield token
    finally:
        if client.get(LOCK) == token.encode():
            client.delete(LOCK)
