"""Answers to judge."""

from __future__ import annotations

from typing import Any

from service.feedback.answers import AnswerRecord, new_answer_id
from training.policy.base import Answer, Prompt, Sampling, ShownPassage, Turn


def make_passage(number: int = 1, chunk_id: str = "chk_7", **changes: Any) -> ShownPassage:
    """Build a passage that uses every field."""
    values: dict[str, Any] = {
        "number": number,
        "chunk_id": chunk_id,
        "document_id": "file-1",
        "title": "Guide",
        "text": "Wash your hands.\nOften.",
        "score": 0.91,
        "dense_score": 0.8,
        "lexical_score": 3.2,
        "filename": "guide.pdf",
        "url": "https://example.org/",
        "start": 40,
        "page_start": 2,
        "page_end": 3,
        "heading_path": ("A", "B"),
    }
    return ShownPassage(**(values | changes))


def make_prompt(**changes: Any) -> Prompt:
    """Build a prompt that uses every field."""
    values: dict[str, Any] = {
        "question": "How often? ☂",
        "passages": (make_passage(), make_passage(2, "chk_8", text="With soap.", title="")),
        "history": (Turn("user", "Hello"), Turn("assistant", "Hi")),
        "resolved_question": "How often to wash hands?",
        "collections": ("vs_1",),
        "segment": "en",
        "instructions": "Be brief.",
    }
    return Prompt(**(values | changes))


def make_answer(text: str = "Often. [1]", version: str = "base-1") -> Answer:
    """Build an answer that uses every field."""
    sampling = Sampling(0.3, 0.9, 64, 7, ("x",))
    return Answer(text, version, "stop", sampling, -1.5, 2, False, 100, 5, (3, -1), {"retrieve": 4.0})


def make_record(text: str = "Often. [1]", **changes: Any) -> AnswerRecord:
    """Build a record that uses every field; it may be used for training."""
    values: dict[str, Any] = {
        "answer_id": new_answer_id(),
        "prompt": make_prompt(),
        "answer": make_answer(text),
        "user": "key:asker",
        "created_at": 1.5,
        "citations": ({"number": 1, "chunk_id": "chk_7"},),
        "request_id": "chatcmpl-1",
        "position": 1,
        "attributes": {"channel": "web"},
    }
    return AnswerRecord(**(values | changes))
