"""What each version answered so far, as the serving processes count it in Redis."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.watch import keys

log = logging.getLogger(__name__)


async def live_figures(client: Redis, versions: Sequence[str]) -> dict[str, dict[str, float]]:
    """Read the counts of some versions; none of any while Redis is away.

    Args:
        client: Made with `decode_responses=False`.
        versions: Names.

    Returns:
        Counts by name, by version; versions that never answered are left out.
    """
    try:
        pipe = client.pipeline(transaction=False)
        for version in versions:
            pipe.hgetall(keys.served(version))
        rows = await pipe.execute()
    except (RedisError, OSError) as error:
        log.warning("no live figures: %s", type(error).__name__)
        return {}
    read = {version: _numbers(row) for version, row in zip(versions, rows, strict=True)}
    return {version: numbers for version, numbers in read.items() if numbers}


def _numbers(row: dict[bytes, bytes]) -> dict[str, float]:
    found = {}
    for name, value in row.items():
        try:
            found[name.decode()] = float(value)
        except ValueError:
            continue  # not a count
    return found
