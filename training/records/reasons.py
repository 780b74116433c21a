"""Why an answer was good or bad: a closed list, because each reason must name the part that can learn from it.

Free words belong in the comment. `SIGNALS` says what a reason teaches: `retrieval` (which passages to find), `policy`
(what to say with them), `abstention` (when to say that the documents do not hold it), `corpus` (what an operator should
add or renew).
"""

from __future__ import annotations

from typing import Literal, cast

Signal = Literal["retrieval", "policy", "abstention", "corpus", "none"]
Reason = Literal[
    "accurate",
    "complete",
    "clear",
    "good_sources",
    "followed_instructions",
    "wrong_source",
    "wrong_answer",
    "incomplete",
    "unclear",
    "too_long",
    "ignored_instructions",
    "missing_document",
    "outdated_source",
    "should_have_refused",
    "should_not_have_refused",
    "other",
]
SIGNALS: dict[Reason, Signal] = {
    "accurate": "policy",
    "complete": "policy",
    "clear": "policy",
    "good_sources": "retrieval",
    "followed_instructions": "policy",
    "wrong_source": "retrieval",
    "wrong_answer": "policy",
    "incomplete": "policy",
    "unclear": "policy",
    "too_long": "policy",
    "ignored_instructions": "policy",
    "missing_document": "corpus",
    "outdated_source": "corpus",
    "should_have_refused": "abstention",
    "should_not_have_refused": "abstention",
    "other": "none",
}


def signal_of(reason: str) -> Signal:
    """Give what a reason teaches; nothing where the reason is not on the list."""
    return SIGNALS.get(cast("Reason", reason), "none")
