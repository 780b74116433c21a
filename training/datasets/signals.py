"""What a reason given with a vote can teach. The service's list is the contract; a test keeps the two the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from training.records.types import Record

Signal = Literal["retrieval", "policy", "abstention", "corpus", "none"]
SIGNALS: Mapping[str, Signal] = {
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


def about_sources_alone(record: Record) -> bool:
    """Tell whether every reason of a record blames the passages or the documents: no answer could have been right."""
    return bool(record.reasons) and all(
        SIGNALS.get(reason, "none") in ("retrieval", "corpus") for reason in record.reasons
    )
