"""What became of a vote: in data, and in one sentence for the person who gave it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from service.feedback.records import WITHDRAWN, Entry
from service.feedback.schemas import LineageView

What = Literal["recorded", "replaced", "withdrawn", "waiting", "left_out"]


def lineage(entries: Sequence[Entry]) -> list[LineageView]:
    """Tell the story of a vote, oldest first.

    Args:
        entries: What one voter said about one answer, newest first.

    Returns:
        The events; the last one says where the vote is now.
    """
    story: list[LineageView] = []
    before: Entry | None = None
    for entry in reversed(entries):
        if entry.stated == WITHDRAWN:
            story.append(_event(entry, "withdrawn"))
        elif before is None or before.stated == WITHDRAWN:
            story.append(_event(entry, "recorded"))
        else:
            story.append(_event(entry, "replaced", "the voter changed it"))
        before = entry
    if before is None:
        return story
    if before.stated == WITHDRAWN:
        story.append(_event(before, "left_out", "withdrawn"))
    elif not before.consent:
        story.append(_event(before, "left_out", "no consent to training"))
    else:
        story.append(_event(before, "waiting", "waiting for the next training snapshot"))
    return story


def summary(entries: Sequence[Entry]) -> str:
    """Say it in one sentence."""
    if not entries:
        return "You have not voted on this answer."
    current = entries[0]
    if current.stated == WITHDRAWN:
        return "You withdrew your vote; it is left out of training."
    if not current.consent:
        return "Your vote is recorded; it is left out of training because this conversation was not given for it."
    return "Your vote is recorded and waiting for the next training snapshot."


def _event(entry: Entry, what: What, reason: str | None = None) -> LineageView:
    return LineageView(at=entry.at, what=what, cycle=None, version=None, reason=reason)
