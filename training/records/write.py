"""Writes records the way the service exports them, for judgements that no person made: simulations and AI feedback."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from training.records.types import Record

Row = dict[str, Any]


def record_row(record: Record) -> Row:
    """Give a record as the service exports it. What the service never says is there only when it differs from the
    default: `source`, `consent`, `excluded`, `imported`.
    """
    row: Row = {
        "record_id": record.record_id,
        "kind": record.kind,
        "judged_at": record.judged_at,
        "voter": record.voter,
        "segment": record.segment,
    }
    if record.kind == "preference":
        row["outcome"] = record.outcome
    else:
        row["rating"] = record.rating or "none"
    said = {
        "ranks": list(record.ranks),
        "scores": dict(record.scores),
        "reasons": list(record.reasons),
        "comment": record.comment,
        "correction": record.correction,
        "evidence": [list(mark) for mark in record.evidence],
    }
    row |= {name: value for name, value in said.items() if value}
    row |= {name: value for name in ("excluded", "imported") if (value := getattr(record, name))}
    if record.source != "human":
        row["source"] = record.source
    if not record.consent:
        row["consent"] = False
    row["prompt_id"] = record.prompt_id
    row["prompt"] = asdict(record.prompt)
    row["answers"] = [
        {
            "answer_id": judged.answer_id,
            **asdict(judged.answer),
            "user": judged.user,
            "position": judged.position,
            "served_at": judged.served_at,
        }
        for judged in record.answers
    ]
    return row


def record_lines(records: Iterable[Record]) -> Iterator[bytes]:
    """Give one JSON line for each record, UTF-8, with its end; ValueError where a number is NaN or infinite."""
    for record in records:
        text = json.dumps(record_row(record), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        yield text.encode() + b"\n"
