"""Something that is watched, in Redis: a hash of where it stands, and what was said since."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from service.redis.calls import Call, ask, script
from service.watch import keys

MOST_HISTORY = 50
PIECE_FIELDS = 1000  # of one script: Lua's stack bears some thousands


@dataclass(frozen=True, slots=True)
class Watched:
    """A trial or a probation: its keys, and the field that names the version it is about."""

    key: str
    seen: str
    history: str
    named: str  # such as "candidate"

    def load(self, client: Redis) -> dict[str, str]:
        """Read where it stands; empty where nothing is watched."""
        found: dict[bytes, bytes] = client.hgetall(self.key)  # type: ignore[assignment]
        return {name.decode(): value.decode() for name, value in found.items()}

    def said(self, client: Redis) -> list[bytes]:
        """Read what was said, in no order."""
        found: list[bytes] = client.hvals(self.seen)  # type: ignore[assignment]
        return found

    def begin(self, client: Redis, fields: Mapping[str, str]) -> None:
        """Begin, unless it has begun."""
        flat = [part for item in fields.items() for part in item]
        ask(client, Call(script("service.watch", "begin"), [self.key, self.seen], flat, int))

    def note(
        self, client: Redis, version: str, last: str, said: Mapping[str, str], replaced: Sequence[str] = ()
    ) -> None:
        """Keep what was read, the place in the log last: what is read twice is kept once."""
        entries = [(entry, text) for entry, text in said.items()]
        gone = list(replaced)
        before: str = self.load(client).get("last", "0-0")
        while len(entries) + len(gone) > PIECE_FIELDS:
            piece, entries = entries[:PIECE_FIELDS], entries[PIECE_FIELDS:]
            drop: list[str] = [] if piece else gone[:PIECE_FIELDS]
            gone = gone[len(drop) :]
            self._note(client, version, before, piece, drop)
        self._note(client, version, last, entries, gone)

    def tell(self, client: Redis, **fields: Any) -> None:
        """Keep figures for people."""
        client.hset(self.key, mapping={name: json.dumps(value) for name, value in fields.items()})

    def close(self, client: Redis, version: str, ended: Mapping[str, Any] | None, counted: str = "") -> bool:
        """End it, once; tells whether this call did."""
        call = Call(
            script("service.watch", "close"),
            [self.key, self.seen, self.history, keys.DECISIONS],
            [self.named, version, "" if ended is None else json.dumps(ended), MOST_HISTORY, counted],
            bool,
        )
        return ask(client, call)

    def _note(
        self, client: Redis, version: str, last: str, said: Sequence[tuple[str, str]], replaced: Sequence[str]
    ) -> None:
        flat = [part for item in said for part in item]
        call = Call(
            script("service.watch", "note"),
            [self.key, self.seen],
            [self.named, version, last, len(replaced), *replaced, *flat],
            int,
        )
        ask(client, call)
