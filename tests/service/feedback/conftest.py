"""The stores of the feedback log on an emptied real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import pytest
from redis.asyncio import Redis

from service.feedback.answers import AnswerStore
from service.feedback.log import FeedbackLog

T = TypeVar("T")


@dataclass(frozen=True)
class Stores:
    """What a scenario works on."""

    client: Redis
    answers: AnswerStore
    log: FeedbackLog


Run = Callable[[Callable[[Stores], Awaitable[T]]], T]


async def _with_stores(url: str, scenario: Callable[[Stores], Awaitable[T]]) -> T:
    async with Redis.from_url(url) as client:
        return await scenario(Stores(client, AnswerStore(client), FeedbackLog(client)))


@pytest.fixture
def run(redis_url: str) -> Run[T]:
    """Give a function that runs an async scenario on the stores."""
    return lambda scenario: asyncio.run(_with_stores(redis_url, scenario))
