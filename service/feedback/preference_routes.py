"""A preference by its id: what became of it, and taking it back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from service.access import Principal, require
from service.container import Container, container_of
from service.feedback import schemas, views
from service.feedback.background import background_of
from service.feedback.browse import ENTRY_ID
from service.feedback.chain import preference_history
from service.feedback.errors import PreferenceNotFound
from service.feedback.lineage import lineage, summary
from service.feedback.records import WITHDRAWN, Entry
from service.feedback.routes import votes_per_minute

router = APIRouter(prefix="/v1/preferences", tags=["feedback"])
User = Annotated[Principal, Depends(require("user"))]
Parts = Annotated[Container, Depends(container_of)]
Id = Annotated[str, Path(max_length=128)]


@router.get("/{preference_id}")
async def get_preference(preference_id: Id, principal: User, parts: Parts) -> schemas.PreferenceHistoryView:
    """Give a preference of the caller's own, and what became of it; operators see everybody's."""
    return await _story(parts, await _entries(parts, principal, preference_id))


@router.delete("/{preference_id}")
async def delete_preference(preference_id: Id, principal: User, parts: Parts) -> schemas.PreferenceHistoryView:
    """Withdraw a preference of the caller's own; again does nothing."""
    entries = await _entries(parts, principal, preference_id)
    if entries[0].voter != principal.identity:
        raise PreferenceNotFound(preference_id)
    if entries[0].stated != WITHDRAWN:
        limit = votes_per_minute(principal, parts)
        if (await parts.feedback.withdraw(entries[0], votes_per_minute=limit)).changed:
            parts.metrics.feedback_total.labels(WITHDRAWN, "").inc()
        entries = await _entries(parts, principal, preference_id)
    return await _story(parts, entries)


async def _entries(parts: Container, principal: Principal, preference_id: str) -> list[Entry]:
    """Give what its voter said about these answers, newest first."""
    entries = await preference_history(parts.feedback, preference_id) if ENTRY_ID.fullmatch(preference_id) else []
    if not entries or not (entries[0].voter == principal.identity or principal.caller.reads_all):
        raise PreferenceNotFound(preference_id)
    return entries


async def _story(parts: Container, entries: list[Entry]) -> schemas.PreferenceHistoryView:
    known = await background_of(parts.redis, entries, consent_default=parts.settings.consent_default)
    current = entries[0]
    shown = None
    if current.stated != WITHDRAWN:
        shown = views.preference(current.preference(), current.entry_id, current.at, current.versions)
    told = summary(entries, known, noun="preference")
    return schemas.PreferenceHistoryView.model_validate(
        {"preference": shown, "lineage": lineage(entries, known), "summary": told}
    )
