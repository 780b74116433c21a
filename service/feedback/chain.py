"""What a voter said about the same answers, one after the other."""

from __future__ import annotations

from service.feedback.log import HISTORY_ENTRIES, FeedbackLog
from service.feedback.records import Entry


async def judgement_history(log: FeedbackLog, entry_id: str) -> list[Entry]:
    """Give what the voter of a judgement said about the same answers.

    Args:
        log: The log.
        entry_id: Of any of these judgements.

    Returns:
        Entries, newest first, at most 50, the first one stands; none where there is no such judgement.
    """
    found = await log.read([entry_id])
    if not found:
        return []
    (at,) = await log.current(found)
    chain: list[Entry] = []
    while at is not None and len(chain) < HISTORY_ENTRIES:
        entries = await log.read([at])
        chain += entries
        at = entries[0].replaces if entries else None
    return chain or found


async def preference_history(log: FeedbackLog, entry_id: str) -> list[Entry]:
    """Give what the voter of a comparison said about the same answers.

    Args:
        log: The log.
        entry_id: Of any of these comparisons.

    Returns:
        Entries, newest first, at most 50, the first one stands; none where there is no such comparison.
    """
    found = await judgement_history(log, entry_id)
    return found if found and found[0].kind == "preference" else []
