"""`/v1/feedback/missing`: what people looked for and no document says, for operators to add."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from service.container import Container, container_of
from service.errors import ApiError
from service.feedback.missing import Missing, MissingDocuments, State
from service.feedback.routes import Everybodys

router = APIRouter(prefix="/v1/feedback/missing", tags=["feedback"])
Parts = Annotated[Container, Depends(container_of)]
AnswerId = Annotated[str, Path(max_length=128)]


class MissingOut(BaseModel):
    """An answer that lacks a document."""

    object: Literal["missing_document"] = "missing_document"
    answer_id: str
    question: str
    intent: str | None = Field(description="The question made self-contained, where it was not.")
    comment: str = Field(description="Of the newest judgement that says so.")
    voter: str
    at: float
    judgements: int = Field(description="How many say so.")
    collections: list[str] = Field(description="That were searched.")
    state: State
    note: str
    noted_by: str | None
    noted_at: float | None

    @classmethod
    def of(cls, row: Missing) -> MissingOut:
        """Show a row of the inbox."""
        newest, prompt = row.said[0], row.answer.prompt
        return cls(
            answer_id=row.answer.answer_id,
            question=prompt.question,
            intent=prompt.resolved_question or None,
            comment=newest.details.get("comment", ""),
            voter=newest.voter,
            at=newest.at,
            judgements=len(row.said),
            collections=list(prompt.collections),
            state=row.state,
            note="" if row.note is None else row.note.text,
            noted_by=row.note and row.note.by,
            noted_at=row.note and row.note.at,
        )


class MissingPage(BaseModel):
    """A page of the inbox. It can end early though more follow: go on after `last_id` while `has_more`."""

    object: Literal["list"] = "list"
    data: list[MissingOut]
    first_id: str | None
    last_id: str | None
    has_more: bool
    counts: dict[State, int] = Field(description="Of each state; those that were taken back since still count.")


class NoteBody(BaseModel):
    """What an operator says of it."""

    model_config = ConfigDict(extra="forbid")

    state: State
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000)] = ""


@router.get("", summary="List missing documents")
async def list_missing(
    _operator: Everybodys,
    parts: Parts,
    state: State = "open",
    after: Annotated[str | None, Query(max_length=128, description="`last_id` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> MissingPage:
    """List answers of which somebody says that a document is missing, what was said last first."""
    inbox = _inbox(parts)
    page = await inbox.page(state, limit=limit, after=after)
    if page is None:
        raise ApiError(400, f"there is no answer {after!r} to go on after; take `last_id` of a page", param="after")
    data = [MissingOut.of(row) for row in page.rows]
    return MissingPage(
        data=data,
        first_id=data[0].answer_id if data else None,
        last_id=page.last_id,
        has_more=page.has_more,
        counts=await inbox.counts(),
    )


@router.put("/{answer_id}", summary="Say what becomes of a missing document")
async def put_missing(answer_id: AnswerId, body: NoteBody, operator: Everybodys, parts: Parts) -> MissingOut:
    """Say that it is dealt with, or is not, and note something; what is noted goes with the answer."""
    row = await _inbox(parts).set(answer_id, body.state, body.note, by=operator.identity)
    if row is None:
        raise ApiError(
            404,
            f"nobody says of an answer {answer_id[:80]!r} that a document is missing; {router.prefix} lists them",
            code="answer_not_found",
            param="answer_id",
        )
    return MissingOut.of(row)


def _inbox(parts: Container) -> MissingDocuments:
    return MissingDocuments(parts.redis, parts.answers, parts.judgements)
