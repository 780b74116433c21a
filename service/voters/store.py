"""Voters in Redis: who they are, who is kept out of training and why, what the newest cycle found of them.

Excluding a voter changes no vote: judgements go on being taken and kept, and the next snapshot leaves them out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from redis.asyncio import Redis

from service.feedback import keys as feedback_keys
from service.voters import keys


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a voter's judgements are kept out of training."""

    reason: str
    at: float  # seconds since the epoch, by Redis's clock
    by: str  # identity of the operator


@dataclass(frozen=True, slots=True)
class Voter:
    """What is known of one voter."""

    voter: str
    judgements: int  # ever given, also those replaced and withdrawn since
    first_at: float | None  # seconds since the epoch
    last_at: float | None
    exclusion: Exclusion | None
    found: Mapping[str, Any] | None  # by the newest cycle that read a judgement of this voter


class VoterStore:
    """Safe to share between tasks of one event loop."""

    def __init__(self, client: Redis) -> None:
        """Use a client made with `decode_responses=False`."""
        self._client = client

    async def exclude(self, voter: str, reason: str, *, by: str) -> Exclusion:
        """Keep a voter out of training from the next snapshot on; again replaces the reason."""
        seconds, micros = await self._client.time()
        exclusion = Exclusion(reason, seconds + micros / 1e6, by)
        await self._client.hset(keys.EXCLUDED, voter, json.dumps(asdict(exclusion)))
        return exclusion

    async def readmit(self, voter: str) -> bool:
        """Let a voter count again; tells whether the voter was excluded."""
        return bool(await self._client.hdel(keys.EXCLUDED, voter))

    async def excluded(self) -> dict[str, Exclusion]:
        """Give everybody who is excluded."""
        found: dict[Any, Any] = await self._client.hgetall(keys.EXCLUDED)
        return {voter.decode(): Exclusion(**json.loads(value)) for voter, value in found.items()}

    async def get(self, voter: str) -> Voter | None:
        """Give one voter; None who never judged and is not excluded."""
        (found,) = await self._read([voter])
        return found if found.judgements or found.exclusion else None

    async def page(self, *, limit: int, offset: int = 0) -> tuple[list[Voter], bool]:
        """Give voters, who judged last first, and whether more follow."""
        names: list[Any] = await self._client.zrevrange(keys.VOTERS, offset, offset + limit)
        return await self._read([name.decode() for name in names[:limit]]), len(names) > limit

    async def rank(self, voter: str) -> int | None:
        """Give a voter's place in `page`'s order, from 0."""
        place: Any = await self._client.zrevrank(keys.VOTERS, voter)
        return None if place is None else int(place)

    async def _read(self, voters: list[str]) -> list[Voter]:
        if not voters:
            return []
        async with self._client.pipeline(transaction=False) as pipeline:
            for voter in voters:
                listed = feedback_keys.voter(voter)
                pipeline.llen(listed)
                pipeline.lindex(listed, 0)
                pipeline.lindex(listed, -1)
            pipeline.hmget(keys.EXCLUDED, voters)
            pipeline.hmget(keys.JUDGED, voters)
            *each, excluded, judged = await pipeline.execute()
        return [
            Voter(
                voter,
                each[3 * place],
                _at(each[3 * place + 1]),
                _at(each[3 * place + 2]),
                None if excluded[place] is None else Exclusion(**json.loads(excluded[place])),
                None if judged[place] is None else json.loads(judged[place]),
            )
            for place, voter in enumerate(voters)
        ]


def _at(entry_id: bytes | None) -> float | None:
    return None if entry_id is None else int(entry_id.partition(b"-")[0]) / 1000
