"""What is told of an answer that is gone, to whoever judged it: that it is, since when and why, and nothing of it."""

from __future__ import annotations

from redis.asyncio import Redis

from service.feedback.schemas import LineageView, VoteHistoryView
from service.privacy import keys

REASONS = {"erased": "the answer was erased", "retired": "the answer has outlived its time"}
_SENTENCES = {
    "erased": "The answer was erased, and what was said about it; none of it is in the next training snapshot.",
    "retired": "The answer is older than answers are kept here; it is gone with what was said about it.",
}


async def gone(client: Redis, answer_id: str) -> VoteHistoryView | None:
    """Tell what became of the votes on an answer that is gone.

    Args:
        client: Made with `decode_responses=False`.
        answer_id: Of an answer that is not there.

    Returns:
        The story; None when there was no such answer, or it went too long ago.
    """
    note: bytes | None = await client.get(keys.gone(answer_id))  # type: ignore[assignment]
    if note is None:
        return None
    why, _, at_ms = note.decode().partition(" ")
    event = LineageView(at=int(at_ms) / 1000, what="left_out", cycle=None, version=None, reason=REASONS[why])
    return VoteHistoryView(vote=None, version=None, lineage=[event], summary=_SENTENCES[why])
