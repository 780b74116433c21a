"""`/v1/feedback/{judgement_id}/lineage`: what became of anybody's judgement, for operators."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel

from service.container import Container, container_of
from service.errors import ApiError
from service.feedback.background import background_of
from service.feedback.browse import ENTRY_ID
from service.feedback.chain import judgement_history
from service.feedback.lineage import lineage, summary
from service.feedback.routes import Everybodys
from service.feedback.schemas import LineageView

router = APIRouter(prefix="/v1/feedback", tags=["feedback"])
Parts = Annotated[Container, Depends(container_of)]
Id = Annotated[str, Path(max_length=128, description="`id` of an entry of the feedback log.")]


class StoryView(BaseModel):
    """What became of a judgement."""

    object: Literal["feedback.lineage"] = "feedback.lineage"
    id: str
    lineage: list[LineageView]
    summary: str


@router.get("/{judgement_id}/lineage", summary="What became of a judgement")
async def get_lineage(judgement_id: Id, _operator: Everybodys, parts: Parts) -> StoryView:
    """Tell what its voter said about these answers, one after the other, and what training did with it."""
    entries = await judgement_history(parts.feedback, judgement_id) if ENTRY_ID.fullmatch(judgement_id) else []
    if not entries:
        raise ApiError(
            404,
            f"no judgement {judgement_id[:80]!r}; `GET /v1/feedback` gives the ids",
            code="judgement_not_found",
            param="judgement_id",
        )
    known = await background_of(parts.redis, entries, consent_default=parts.settings.consent_default)
    noun = "vote" if entries[0].kind == "vote" else "preference"
    return StoryView(id=judgement_id, lineage=lineage(entries, known), summary=summary(entries, known, noun=noun))
