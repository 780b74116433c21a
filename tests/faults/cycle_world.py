"""A home with judged answers in a real Redis, and cycles that learn from them in seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import redis
from redis.asyncio import Redis as AsyncRedis

from retrieval.embed import HashingEmbedder
from service.cycles import store
from service.cycles.cycle import Cycle
from service.feedback.answers import AnswerRecord, AnswerStore
from service.feedback.log import FeedbackLog
from service.feedback.records import Preference, Vote
from service.redis.calls import ask
from tests.training.pipeline.world import judge, questions
from training.policy.extractive import ExtractivePolicy, Prior
from training.records.types import Record
from training.registry.registry import Registry

JUDGEMENTS = 320
OPTIONS = """

[reward]
precision = 100.0
semantic = 0.0
heads = 4

[update]
epochs = {epochs}
evaluate_every = 1e9
checkpoint_every = 10
"""
SETTINGS = {"embedding_model": "hashing", "train_min_judgements": "100", "train_lease_s": "6", "sweep_interval_s": "1"}


def judgements() -> Sequence[Record]:
    """Let readers judge the untrained policy."""
    asked = questions(240)
    untrained = ExtractivePolicy(HashingEmbedder(), prior=Prior.similarity())
    return judge([asked[number % 240] for number in range(JUDGEMENTS)], untrained)


def fill(url: str, records: Sequence[Record]) -> None:
    """Enter judgements as the API does."""

    async def enter() -> None:
        async with AsyncRedis.from_url(url) as client:
            answers, log = AnswerStore(client), FeedbackLog(client)
            for record in records:
                await answers.record_all([_answer(record, place) for place in range(len(record.answers))])
                if record.kind == "vote":
                    vote = Vote(record.rating)
                    await log.vote(record.answers[0].answer_id, vote, voter=record.voter, allowed=True)
                else:
                    ids = tuple(one.answer_id for one in record.answers)
                    preference = Preference(ids, record.outcome, record.ranks)  # type: ignore[arg-type]
                    await log.prefer(preference, voter=record.voter, allowed=True)

    asyncio.run(enter())


def _answer(record: Record, place: int) -> AnswerRecord:
    judged = record.answers[place]
    return AnswerRecord(
        answer_id=judged.answer_id,
        prompt=record.prompt,
        answer=judged.answer,
        user=record.voter,
        created_at=record.judged_at,
        citations=(),
        position=place,
        consent=True,
    )


def options(home: Path, *, epochs: int = 40) -> str:
    """Write the options of quick cycles; more epochs are a longer update, and nothing else."""
    path = home / f"options-{epochs}.toml"
    path.write_text(OPTIONS.format(epochs=epochs))
    return str(path)


def look(client: redis.Redis, cycle_id: str) -> Cycle:
    cycle = ask(client, store.get(cycle_id))
    assert cycle is not None
    return cycle


def published(home: Path) -> list[str]:
    """Give what the registry holds, each of it whole."""
    registry = Registry(home / "registry" / "extractive")
    names = [line.name for line in registry.list() if line.version and line.version.path]
    assert registry.verify() == dict.fromkeys(names, "")
    return names
