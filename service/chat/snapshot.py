"""Keep what was answered, before anybody can judge it."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from service.chat.exchange import Exchange
from service.chat.responses import ChoiceOut
from service.feedback.answers import AnswerRecord, AnswerStore, AskerErased, new_answer_id

if TYPE_CHECKING:
    from service.metrics import Metrics

log = logging.getLogger(__name__)


async def record(exchange: Exchange, answers: AnswerStore, metrics: Metrics, *, timeout_s: float) -> list[ChoiceOut]:
    """Record the answers of one request in one durable round trip and give them as they are returned.

    While the record is down the answers are still given, with `answer_id` null: nobody can vote for what nobody kept.

    Args:
        exchange: Its answers are whole.
        answers: The record.
        metrics: Counts the answers that were not kept.
        timeout_s: Longest wait for the record.

    Returns:
        One choice for each answer.
    """
    choices = exchange.choices([new_answer_id() for _ in exchange.finished])
    records = _records(exchange, choices)
    try:
        async with asyncio.timeout(timeout_s):
            await answers.record_all(records, asked_at=exchange.created)
    except (RedisError, OSError, TimeoutError, AskerErased) as error:
        log.warning("answers were served but not recorded: %s: %s", type(error).__name__, error)
        metrics.unrecorded_total.inc(len(records))
        return [choice.model_copy(update={"answer_id": None, "recorded": False}) for choice in choices]
    if exchange.pair is not None:
        metrics.pairs_total.labels(exchange.pair).inc()
    return choices


def _records(exchange: Exchange, choices: list[ChoiceOut]) -> list[AnswerRecord]:
    asked = exchange.asked
    now = time.time()
    return [
        AnswerRecord(
            answer_id=choice.answer_id or "",
            prompt=exchange.prompt,
            answer=replace(
                item.answer,
                text=item.cited.text,  # what was read is what gets judged
                abstained=item.abstained,
                timings_ms={**item.answer.timings_ms, **exchange.waits_ms},
            ),
            user=asked.principal.identity,
            created_at=now,
            citations=tuple(citation.model_dump(exclude_none=True) for citation in choice.message.context.citations),
            model=asked.model,
            request_id=exchange.id,
            position=choice.index,
            consent=asked.consent,
            attributes={**asked.attributes, **exchange.notes(choice.index)},
        )
        for item, choice in zip(exchange.finished, choices, strict=True)
    ]
