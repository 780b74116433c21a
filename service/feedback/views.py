"""What the feedback calls answer with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from service.feedback.browse import FeedbackSlice
from service.feedback.records import Entry, Preference, Vote
from service.feedback.schemas import FeedbackPage, FeedbackView


def vote(answer_id: str, vote: Vote, entry_id: str | None, at: float | None) -> dict[str, Any]:
    """Show a vote; the shape is `schemas.VoteView`, built by hand because this is the busiest write."""
    return {
        "object": "vote",
        "id": entry_id,
        "answer_id": answer_id,
        "rating": vote.rating,
        "scores": dict(vote.scores),
        "reasons": list(vote.reasons),
        "comment": vote.comment,
        "correction": vote.correction,
        "evidence": [{"chunk_id": chunk_id, "relevant": relevant} for chunk_id, relevant in vote.evidence],
        "created_at": at,
    }


def preference(
    preference: Preference, entry_id: str | None, at: float | None, versions: Sequence[str]
) -> dict[str, Any]:
    """Show a preference; the shape is `schemas.PreferenceView`."""
    return {
        "object": "preference",
        "id": entry_id,
        "answers": list(preference.answers),
        "versions": list(versions),
        "outcome": preference.outcome,
        "ranks": list(preference.ranks),
        "reasons": list(preference.reasons),
        "comment": preference.comment,
        "created_at": at,
    }


def entry_view(entry: Entry, *, current: bool) -> FeedbackView:
    """Show an entry of the log as operators browse it."""
    return FeedbackView(
        id=entry.entry_id,
        kind=entry.kind,
        created_at=entry.at,
        current=current,
        voter=entry.voter,
        answers=list(entry.answers),
        prompt_id=entry.prompt_id,
        versions=list(entry.versions),
        segment=entry.segment,
        consent=entry.consent,
        rating=entry.stated,
        details=dict(entry.details),
    )


def page(found: FeedbackSlice) -> FeedbackPage:
    """Show a page of the log."""
    data = [entry_view(entry, current=stands) for entry, stands in found.entries]
    return FeedbackPage(
        data=data,
        first_id=data[0].id if data else None,
        last_id=found.last_id,
        has_more=found.has_more,
    )
