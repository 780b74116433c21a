"""The announcement that an alias was moved, so that serving processes look at once and not at their next poll.

The move itself is in the registry's folder; an announcement that is lost costs a second.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import redis
from redis import asyncio as aio

CHANNEL = "gl:versions"


@dataclass(frozen=True, slots=True)
class Announcement:
    """What was moved."""

    scope: str
    alias: str
    version: str | None  # None where the alias names nothing now
    sequence: int

    def encode(self) -> str:
        """Write it as it goes over the channel."""
        return json.dumps(asdict(self))


def announce(client: redis.Redis, moved: Announcement) -> int:
    """Announce a move; gives how many listened. redis.RedisError when Redis is away: then the polls find it."""
    return int(client.publish(CHANNEL, moved.encode()))


async def announce_async(client: aio.Redis, moved: Announcement) -> int:
    """Announce a move as `announce` does."""
    told: Any = await client.publish(CHANNEL, moved.encode())
    return int(told)
