"""Whether what a person says may be used for training. The last word counts, for what was said before it too.

A judgement may be used when its voter, everyone who asked what it judges, and the requests themselves allow it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from redis.asyncio import Redis

from service.privacy import keys
from service.redis.calls import Call, ask_async, script

By = Literal["self", "operator"]
_FIELDS = ("training", "at", "by")


@dataclass(frozen=True, slots=True)
class Consent:
    """What holds for one person."""

    training: bool
    at: float | None = None  # seconds since the epoch by Redis's clock; None: never said, the default holds
    by: By | None = None


class Consents:
    """What people said, in Redis. Safe to share between tasks of one event loop."""

    def __init__(self, client: Redis, *, default: bool = True) -> None:
        """Use a client made with `decode_responses=False`.

        Args:
            client: To Redis.
            default: What holds for a person who never said anything.
        """
        self._client = client
        self._default = default

    async def get(self, user: str) -> Consent:
        """Give what holds for one person."""
        return (await self.of([user]))[user]

    async def of(self, users: Iterable[str]) -> dict[str, Consent]:
        """Give what holds for each of these, in one round trip."""
        named = sorted(set(users))
        async with self._client.pipeline(transaction=False) as pipeline:
            for user in named:
                pipeline.hmget(keys.consent(user), _FIELDS)
            return _read(named, await pipeline.execute() if named else [], self._default)

    async def put(self, user: str, training: bool, *, by: By = "self") -> Consent:
        """Keep what a person said; on disk when this returns."""
        call = Call(
            script("service.privacy", "consent"),
            [keys.consent(user)],
            [int(training), by],
            lambda row: _read([user], [row], self._default)[user],
        )
        return await ask_async(self._client, call)


def allowed(consents: Mapping[str, Consent], *people: str) -> bool:
    """Tell whether all of these people allow training; one who is not in the mapping does not."""
    return all(person in consents and consents[person].training for person in people)


def _read(users: Sequence[str], rows: Sequence[Sequence[bytes | None]], default: bool) -> dict[str, Consent]:
    found = {}
    for user, (training, at, by) in zip(users, rows, strict=True):
        if training is None or at is None:
            found[user] = Consent(default)
        else:
            found[user] = Consent(training == b"1", int(at) / 1000, "operator" if by == b"operator" else "self")
    return found
