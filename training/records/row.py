"""One line of `records.jsonl`: its fields and types, and how it becomes a `Record`.

Types are taken strictly (no text where a number belongs, no NaN); fields that nobody knows are ignored, so that newer
files stay readable. Whether the parts agree with each other is asked in `checks`.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.policy.base import Answer, FinishReason, Prompt, Sampling
from training.records.types import JudgedAnswer, Outcome, Rating, Record, RecordKind, Source

_MOST_REASON_CHARS = 200
_ANSWER_FIELDS = tuple(item.name for item in fields(Answer))


class BadLine(ValueError):
    """A line that is no usable record; the message says why and quotes nothing of it."""


class AnswerRow(BaseModel):
    """An answer as served."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="ignore")

    answer_id: str
    text: str
    version: str
    finish_reason: FinishReason
    sampling: Sampling
    logprob: float | None = None
    steps: int = 0
    abstained: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    actions: tuple[int, ...] = ()
    timings_ms: dict[str, float] = Field(default_factory=dict)
    user: str = ""
    position: int = 0
    served_at: float = 0.0

    def judged(self) -> JudgedAnswer:
        """Give it as training knows it."""
        answer = Answer(**{name: getattr(self, name) for name in _ANSWER_FIELDS})
        return JudgedAnswer(self.answer_id, answer, self.user, self.position, self.served_at)


class RecordRow(BaseModel):
    """A judgement joined with its prompt and answers."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="ignore")

    record_id: str
    kind: RecordKind
    judged_at: float
    voter: str
    prompt_id: str
    prompt: Prompt
    answers: tuple[AnswerRow, ...]
    segment: str | None = None
    rating: Literal["up", "down", "none", "withdrawn"] | None = None
    outcome: Outcome | None = None
    ranks: tuple[int, ...] = ()
    scores: dict[str, int] = Field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    comment: str = ""
    correction: str = ""
    evidence: tuple[tuple[str, bool], ...] = ()
    source: Source = "human"
    consent: bool = True
    excluded: str = ""
    imported: bool = False

    def record(self) -> Record:
        """Give it as training knows it.

        Returns:
            The record, its parts not yet compared with each other.

        Raises:
            BadLine: The vote was withdrawn.
        """
        if self.rating == "withdrawn":
            raise BadLine("rating: the vote was withdrawn, which is not a judgement")
        rating: Rating | None = None if self.rating in (None, "none") else self.rating  # type: ignore[assignment]
        return Record(
            record_id=self.record_id,
            kind=self.kind,
            judged_at=self.judged_at,
            voter=self.voter,
            prompt_id=self.prompt_id,
            prompt=self.prompt,
            answers=tuple(answer.judged() for answer in self.answers),
            segment=self.segment,
            rating=rating,
            outcome=self.outcome,
            ranks=self.ranks or _RANKS.get(self.outcome or "", ()),
            scores=self.scores,
            reasons=self.reasons,
            comment=self.comment,
            correction=self.correction,
            evidence=self.evidence,
            source=self.source,
            consent=self.consent,
            excluded=self.excluded,
            imported=self.imported,
        )


_RANKS: dict[str, tuple[int, ...]] = {"first": (1, 2), "second": (2, 1), "tie": (1, 1), "both_bad": (1, 1)}


def parse(line: bytes) -> Record:
    """Read one line.

    Args:
        line: JSON in UTF-8.

    Returns:
        The record, its parts not yet compared with each other.

    Raises:
        BadLine: It is no JSON object, or a field is missing or of the wrong type.
    """
    try:
        line.decode()
    except UnicodeDecodeError as error:
        raise BadLine(f"not UTF-8 (byte {error.start + 1} of the line)") from None
    try:
        return RecordRow.model_validate_json(line).record()
    except ValidationError as error:
        raise BadLine(reason_of(error)) from None


def reason_of(error: ValidationError) -> str:
    """Say what a model did not take, without quoting the value: it may be somebody's document."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    first = found[0]
    where = ".".join(str(part) if _is_name(part) else "?" for part in first["loc"])
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    said = first["msg"][0].lower() + first["msg"][1:]
    return f"{where + ': ' if where else ''}{said}"[:_MOST_REASON_CHARS] + more


def _is_name(part: object) -> bool:
    return isinstance(part, int) or (
        isinstance(part, str) and part.isascii() and part.isidentifier() and len(part) < 64
    )
