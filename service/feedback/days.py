"""How many answers, thumbs and preferences there were on each day (UTC).

The scripts that record them count, so nobody reads the log for it. A change of mind moves a thumb to the day of the
last word; what is erased or has outlived its time stays counted, because a number names nobody. Where Redis lost its
data the days are counted anew from what came back (`recount.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from redis.asyncio import Redis

from service.feedback import keys

SHOWN = 30
DAY_S = 86_400
EPOCH = date(1970, 1, 1)
WHAT = ("answers", "up", "down", "preferences")


@dataclass(frozen=True, slots=True)
class Day:
    """One day's figures."""

    day: date
    answers: int
    up: int
    down: int
    preferences: int


def field_of(day: int, what: str) -> str:
    """Give the field in which something is counted; `day` is days since the epoch."""
    return f"{day} {what}"


async def last_days(client: Redis, most: int = SHOWN) -> list[Day]:
    """Give the last days up to today by Redis's clock, oldest first, those without anything too.

    Args:
        client: Made with `decode_responses=False`.
        most: How many days.

    Returns:
        The days.

    Raises:
        redis.exceptions.RedisError: Redis does not answer.
    """
    seconds, _ = await client.time()
    today = (datetime.fromtimestamp(seconds, UTC).date() - EPOCH).days
    days = range(today - most + 1, today + 1)
    counted: list[Any] = await client.hmget(keys.DAYS, [field_of(day, what) for day in days for what in WHAT])
    numbers = [max(0, int(value or 0)) for value in counted]
    return [
        Day(EPOCH + timedelta(days=day), *numbers[place * len(WHAT) : (place + 1) * len(WHAT)])
        for place, day in enumerate(days)
    ]
