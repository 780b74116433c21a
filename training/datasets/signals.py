"""What the reasons given with a vote say about it."""

from __future__ import annotations

from training.records.reasons import signal_of
from training.records.types import Record


def about_sources_alone(record: Record) -> bool:
    """Tell whether every reason of a record blames the passages or the documents: no answer could have been right."""
    return bool(record.reasons) and all(signal_of(reason) in ("retrieval", "corpus") for reason in record.reasons)
