"""Answers that a cycle's candidate changed, side by side with the champion's, from the cycle's folder."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from service.cycles.cycle import Cycle
from training.pipeline.changes import read_changes


class ChangedTurn(BaseModel):
    """An earlier turn of the conversation."""

    role: str
    content: str


class ChangedPassage(BaseModel):
    """A passage that both were shown."""

    number: int
    chunk_id: str
    document_id: str
    title: str
    filepath: str
    content: str
    page_start: int | None
    page_end: int | None
    score: float


class ChangedAnswer(BaseModel):
    """What one of them said."""

    text: str
    abstained: bool


class ChangeOut(BaseModel):
    """A held-out prompt that the two answer differently."""

    id: str
    question: str
    history: list[ChangedTurn]
    segment: str | None
    sources: list[str] = Field(description="Titles of the documents that were shown.")
    passages: list[ChangedPassage]
    champion: ChangedAnswer
    candidate: ChangedAnswer
    preferred: float | None = Field(
        description="The judge's probability that the candidate's answer is the better one; null where nobody judged."
    )

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> Self:
        """Show a line of the file."""
        passages = [
            ChangedPassage(**{**passage, "filepath": passage["filename"], "content": passage["text"]})
            for passage in line["passages"]
        ]
        return cls(
            **{**line, "id": line["prompt_id"], "passages": passages},
            sources=list(dict.fromkeys(passage.title for passage in passages)),
        )


class ChangePage(BaseModel):
    """Changed answers, those first of which the judge is surest."""

    object: Literal["list"] = "list"
    data: list[ChangeOut]
    first_id: str | None
    last_id: str | None
    has_more: bool


def changes_of(cycle: Cycle, *, limit: int, after: str | None) -> ChangePage | None:
    """Read a page of changed answers. Blocking.

    Args:
        cycle: Whose.
        limit: How many.
        after: Id of the last one of the page before.

    Returns:
        The page; empty before the gate has judged, or where the folder is somewhere else or gone. None where there is
        nothing of the id `after`.
    """
    lines = read_changes(Path(cycle.directory)) if cycle.directory else iter(())
    if after is not None and not any(line["prompt_id"] == after for line in lines):
        return None
    found = [ChangeOut.of(line) for line in islice(lines, limit + 1)]
    data = found[:limit]
    return ChangePage(
        data=data,
        first_id=data[0].id if data else None,
        last_id=data[-1].id if data else None,
        has_more=len(found) > limit,
    )
