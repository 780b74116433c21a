"""Answers come back exactly as they were recorded, and what repeats is kept once."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from service.feedback.answers import AnswerRecord, AnswerStore, new_answer_id
from training.policy.base import Answer, Prompt, Sampling, ShownPassage, Turn


def make_record(**changes: object) -> AnswerRecord:
    """Build a record that uses every field."""
    passage = ShownPassage(
        1,
        "chk_7",
        "file-1",
        "Guide",
        "Wash your hands.\nOften.",
        0.91,
        0.8,
        3.2,
        "guide.pdf",
        "https://e.org/",
        40,
        2,
        3,
        ("A", "B"),
    )
    prompt = Prompt(
        question="How often? ☂",
        passages=(passage,),
        history=(Turn("user", "Hello"), Turn("assistant", "Hi")),
        resolved_question="How often to wash hands?",
        collections=("vs_1",),
        segment="en",
        instructions="Be brief.",
    )
    answer = Answer(
        "Often. [1]",
        "base-1",
        "stop",
        Sampling(0.3, 0.9, 64, 7, ("x",)),
        -1.5,
        2,
        False,
        100,
        5,
        (3, -1),
        {"retrieve": 4.0},
    )
    values: dict[str, object] = {
        "answer_id": new_answer_id(),
        "prompt": prompt,
        "answer": answer,
        "user": "key:a",
        "created_at": 1.5,
        "citations": ({"number": 1, "chunk_id": "chk_7"},),
        "request_id": "chatcmpl-1",
        "position": 1,
        "consent": False,
        "attributes": {"channel": "web"},
    }
    return AnswerRecord(**(values | changes))  # type: ignore[arg-type]


def test_an_answer_comes_back_as_it_was_recorded(redis_url: str) -> None:
    record = make_record()

    async def scenario() -> AnswerRecord | None:
        async with Redis.from_url(redis_url) as client:
            store = AnswerStore(client)
            await store.record(record)
            await store.record(record)
            assert await client.xlen("gl:answers") == 1
            assert await store.get("ans_missing") is None
            return await store.get(record.answer_id)

    assert asyncio.run(scenario()) == record
