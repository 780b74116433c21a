"""A feedback log to be filled with answers and votes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

from service.feedback.answers import AnswerRecord, AnswerStore
from service.feedback.log import FeedbackLog
from service.feedback.records import Vote
from service.settings import Settings
from service.voters.store import VoterStore
from tests.service.feedback.samples import make_prompt, make_record

UP, DOWN = Vote("up"), Vote("down")


class Log:
    """A log to be filled and read."""

    def __init__(self, client: Redis, settings: Settings) -> None:
        self.client, self.settings = client, settings
        self.answers, self.log, self.voters = AnswerStore(client), FeedbackLog(client), VoterStore(client)

    async def answer(self, text: str = "Often. [1]", *, collections: tuple[str, ...] = (), **changes: Any) -> str:
        """Record an answer to a question of its own; gives its id."""
        asked = make_prompt(question=f"Why {text}", resolved_question="", collections=collections, history=())
        record: AnswerRecord = make_record(text, **{"prompt": asked, **changes})
        await self.answers.record(record)
        return record.answer_id

    async def vote(self, answer_id: str, vote: Vote = UP, voter: str = "key:v") -> str:
        """Vote; gives the entry's id."""
        recorded = await self.log.vote(answer_id, vote, voter=voter, allowed=True)
        assert recorded.entry_id is not None
        return recorded.entry_id


Fill = Callable[[Log], Awaitable[None]]


def fill_log(settings: Settings, fill: Fill) -> None:
    """Run a scenario on the log of a home."""

    async def run() -> None:
        assert settings.redis_url is not None
        async with Redis.from_url(settings.redis_url.get_secret_value()) as client:
            await fill(Log(client, settings))

    asyncio.run(run())
