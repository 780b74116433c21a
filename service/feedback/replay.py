"""An answer with everything around it, as operators look at it again: who asked what, what was shown, what was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from service.feedback.answers import AnswerRecord
from service.feedback.records import Entry
from service.feedback.schemas import FeedbackView
from service.feedback.views import entry_view
from training.policy.base import ShownPassage

_PARTS = ("queue", "search", "total")  # of the time an answer took


class TurnOut(BaseModel):
    """An earlier message."""

    role: Literal["user", "assistant"]
    content: str


class PassageOut(BaseModel):
    """A passage as it was shown to the policy."""

    number: int = Field(description="What `[n]` in the text refers to.")
    chunk_id: str
    document_id: str
    title: str
    filename: str
    url: str | None
    content: str
    start_index: int = Field(description="Of the content in the document's text, then.")
    end_index: int
    page_start: int | None
    page_end: int | None
    heading_path: list[str]
    score: float
    dense_score: float
    lexical_score: float

    @classmethod
    def of(cls, passage: ShownPassage) -> PassageOut:
        """Show a passage."""
        return cls(
            number=passage.number,
            chunk_id=passage.chunk_id,
            document_id=passage.document_id,
            title=passage.title or passage.filename,
            filename=passage.filename,
            url=passage.url,
            content=passage.text,
            start_index=passage.start,
            end_index=passage.start + len(passage.text),
            page_start=passage.page_start,
            page_end=passage.page_end,
            heading_path=list(passage.heading_path),
            score=passage.score,
            dense_score=passage.dense_score,
            lexical_score=passage.lexical_score,
        )


class AnswerOut(BaseModel):
    """An answer as it was served, and what stands about it."""

    id: str
    object: Literal["answer"] = "answer"
    created_at: float
    version: str
    voter: str = Field(description="Who asked.")
    segment: str | None
    question: str
    intent: str | None = Field(description="The question made self-contained, where it was not.")
    instructions: str = Field(description="The caller's system message.")
    history: list[TurnOut]
    collections: list[str]
    passages: list[PassageOut]
    text: str
    abstained: bool
    finish_reason: str
    citations: list[dict[str, Any]]
    notes: dict[str, str] = Field(description="How it came to be shown: role, propensity, trial, pair and the like.")
    consent: bool = Field(description="Whether it may be learned from, by its request.")
    latency_ms: float | None = Field(description="Waiting, searching and answering; null where that was not measured.")
    timings_ms: dict[str, float]
    pair: str | None = Field(description="The answer that was shown beside it.")
    judgements: list[FeedbackView] = Field(description="What stands about it, the newest first.")


def answer_view(record: AnswerRecord, pair: str | None, entries: Sequence[Entry]) -> AnswerOut:
    """Show an answer.

    Args:
        record: The answer.
        pair: The answer that was shown beside it.
        entries: What stands about it.

    Returns:
        The view.
    """
    prompt, answer = record.prompt, record.answer
    return AnswerOut(
        id=record.answer_id,
        created_at=record.created_at,
        version=answer.version,
        voter=record.user,
        segment=prompt.segment,
        question=prompt.question,
        intent=prompt.resolved_question or None,
        instructions=prompt.instructions,
        history=[TurnOut(role=turn.role, content=turn.text) for turn in prompt.history],
        collections=list(prompt.collections),
        passages=[PassageOut.of(passage) for passage in prompt.passages],
        text=answer.text,
        abstained=answer.abstained,
        finish_reason=answer.finish_reason,
        citations=[dict(citation) for citation in record.citations],
        notes=dict(record.attributes),
        consent=record.consent,
        latency_ms=_latency_ms(answer.timings_ms),
        timings_ms=dict(answer.timings_ms),
        pair=pair,
        judgements=[entry_view(entry, current=True) for entry in entries],
    )


def shown_beside(record: AnswerRecord, others: Mapping[str, AnswerRecord]) -> str | None:
    """Give the answer that was shown beside one: the nearest of the same request; None where it was alone.

    Args:
        record: The answer.
        others: Answers to the same prompt, by id.

    Returns:
        Its id.
    """
    beside = [
        other for name, other in others.items() if name != record.answer_id and other.request_id == record.request_id
    ]
    nearest = min(beside, key=lambda other: (abs(other.position - record.position), other.position), default=None)
    return None if nearest is None or not record.request_id else nearest.answer_id


def _latency_ms(timings: Mapping[str, float]) -> float | None:
    return sum(timings.get(part, 0.0) for part in _PARTS) if "total" in timings else None
