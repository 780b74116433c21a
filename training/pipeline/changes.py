"""Answers that changed: held-out prompts to which the candidate that the gate judged says something else than the
champion, side by side.

They stand in a file of the job, made of its redacted snapshot, and go with the job's folder. A version never has them:
it holds no texts, because it cannot be changed when somebody is to be forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from retrieval.durable import write_file_atomic
from training.datasets.examples import Example
from training.gate.inputs import Given, Row

CHANGES = "changes.jsonl"


def write_changes(directory: Path, rows: Sequence[Row], asked: Sequence[Example]) -> int:
    """Write them, those first of which the judge is surest.

    Args:
        directory: The job's directory.
        rows: What both answered.
        asked: The prompt of each row.

    Returns:
        How many answers changed.

    Raises:
        StorageFull: The disk refused them.
    """
    changed = [(row, example) for row, example in zip(rows, asked, strict=True) if row.changed]
    changed.sort(key=lambda both: 0.0 if both[0].preferred is None else -abs(both[0].preferred - 0.5))
    lines = [json.dumps(_change(row, example), ensure_ascii=False) + "\n" for row, example in changed]
    write_file_atomic(directory / CHANGES, "".join(lines).encode(), mode=0o600)
    return len(changed)


def read_changes(directory: Path) -> Iterator[dict[str, Any]]:
    """Read them one by one.

    Args:
        directory: The job's directory.

    Yields:
        dict[str, Any]: `prompt_id`, `question`, `history`, `segment`, `passages`, `champion` and `candidate` (`text`,
            `abstained`), and `preferred`: the judge's probability that the candidate's answer is the better one.
    """
    try:
        with (directory / CHANGES).open(encoding="utf-8") as stream:
            for line in stream:
                yield json.loads(line)
    except FileNotFoundError:
        return


def _change(row: Row, example: Example) -> dict[str, Any]:
    prompt = example.prompt
    return {
        "prompt_id": example.prompt_id,
        "question": prompt.question,
        "history": [{"role": turn.role, "content": turn.text} for turn in prompt.history],
        "segment": row.segment,
        "passages": [asdict(passage) for passage in prompt.passages],
        "champion": _answer(row.champion),
        "candidate": _answer(row.candidate),
        "preferred": row.preferred,
    }


def _answer(given: Given) -> dict[str, Any]:
    return {"text": given.text, "abstained": given.abstained}
