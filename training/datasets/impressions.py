"""Reads what was served, judged or not: one answer a line, with its prompt. What cannot be used is left out.

    {"judged": true, "prompt_id": "...", "prompt": {...}, "answer": {...}}

with prompt and answer as in `records.jsonl`.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from training.datasets.examples import Example
from training.datasets.propensity import Impression
from training.policy.base import Prompt
from training.records.limits import Limits
from training.records.lines import Lines, numbered_lines
from training.records.row import AnswerRow


class ServedRow(BaseModel):
    """A served answer."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="ignore")

    judged: bool
    prompt_id: str
    prompt: Prompt
    answer: AnswerRow


def read_impressions(source: Lines, limits: Limits | None = None) -> tuple[Impression, ...]:
    """Read a sample of what was served.

    Args:
        source: Path of a file, or its lines.
        limits: How much it may hold; generous by default.

    Returns:
        The impressions in the order of the file.

    Raises:
        RecordsUnreadable: The file cannot be opened or is not text.
        RecordsTooLarge: It holds more bytes or lines than allowed.
    """
    found = []
    for _, line in numbered_lines(source, limits or Limits()):
        try:
            row = ServedRow.model_validate_json(line or b"")
        except ValidationError:
            continue
        found.append(Impression(row.prompt, row.answer.judged(), row.judged))
    return tuple(found)


def example_of(seen: Impression) -> Example:
    """Give a served answer as an example without judgements, for who needs no more than the prompt."""
    return Example(seen.shown.answer_id, seen.prompt, (seen.shown.answer,))
