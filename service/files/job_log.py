"""What can be told of an ingestion, as text. It is all in the document: how a worker fared is in the worker's log."""

from __future__ import annotations

from datetime import UTC, datetime

from retrieval.types import Document

STAGES = ("queued", "parsing", "chunking", "embedding", "indexing")
_MARKS = {"before": "x", "now": ">", "after": " "}


def ingestion_log(document: Document, max_attempts: int) -> str:
    """Tell of an ingestion line by line: the file, its stages, its attempts, and its end or its error.

    Args:
        document: What is ingested.
        max_attempts: How often it is tried.

    Returns:
        The text; its last line ends too.
    """
    what = f"{_line(document.filename)}, {document.size_bytes:,} bytes, put into {document.collection_id}"
    lines = [f"{_time(document.created_at)} {what}"]
    if document.attempts:
        lines.append(f"attempt {document.attempts} of {max_attempts}")
    if document.status == "in_progress":
        at = STAGES.index(document.stage) if document.stage in STAGES else len(STAGES)
        for place, stage in enumerate(STAGES):
            when = "before" if place < at else "now" if place == at else "after"
            lines.append(f"[{_MARKS[when]}] {stage}" + (f", {document.percent} % of all" if when == "now" else ""))
    lines.append(f"{_time(document.updated_at)} {_end(document)}")
    return "".join(f"{line}\n" for line in lines)


def _end(document: Document) -> str:
    if document.last_error is not None and document.status == "failed":
        return f"failed: {document.last_error.code}: {_line(document.last_error.message)}"
    if document.status == "completed":
        return f"completed: {document.chunk_count:,} chunks"
    return {"in_progress": "last heard of", "cancelled": "cancelled"}.get(document.status, document.status)


def _line(text: str) -> str:
    """Give a text without what would begin another line."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
