"""How many workers are there, for whoever may not import Celery; `presence.py` is what they say."""

from __future__ import annotations

from redis.asyncio import Redis

WORKERS = "gl:workers"
ALIVE_S = 20.0  # four times silent is gone


async def count_workers(client: Redis) -> int:
    """Count the workers that were heard of a moment ago.

    Args:
        client: Made with `decode_responses=False`.

    Returns:
        How many.

    Raises:
        redis.exceptions.RedisError: Redis does not answer.
    """
    seconds, _ = await client.time()
    return int(await client.zcount(WORKERS, (seconds - ALIVE_S) * 1000, "+inf"))
