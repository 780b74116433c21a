"""What the calls of evaluation take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from service.evaluation.failing import expected_of
from service.evaluation.golden import GoldenSet, Source
from service.evaluation.runs import Run, RunState
from training.evaluation.golden import GoldenQuestion

SHOWN = 100  # rows of a golden set


class GoldenRow(BaseModel):
    """A golden question, in short."""

    id: str
    question: str
    expected: str = Field(description="In words.")
    segment: str | None
    tags: list[str]
    passages: bool = Field(description="Whether it has passages of its own.")

    @classmethod
    def of(cls, question: GoldenQuestion) -> Self:
        """Show a question."""
        return cls(
            id=question.id,
            question=question.question,
            expected=expected_of(question),
            segment=question.segment,
            tags=list(question.tags),
            passages=question.passages is not None,
        )


class GoldenOut(BaseModel):
    """The golden set."""

    object: Literal["golden_set"] = "golden_set"
    source: Source
    questions: int
    by_gate: int = Field(description="Of them, those that the gate asks too: passages for them are known.")
    sha256: str | None
    uploaded_at: float | None = Field(description="When the file was last changed.")
    problem: str = Field(description="Why the file that the setting names cannot be used.")
    rows: list[GoldenRow] = Field(description="The first ones.")

    @classmethod
    def of(cls, golden: GoldenSet, by_gate: int) -> Self:
        """Show a golden set."""
        return cls(
            source=golden.source,
            questions=len(golden.questions),
            by_gate=by_gate,
            sha256=golden.sha256,
            uploaded_at=golden.changed_at,
            problem=golden.problem,
            rows=[GoldenRow.of(one) for one in golden.questions[:SHOWN]],
        )


class RunBody(BaseModel):
    """Ask the golden set of a version."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = Field(
        None, description="Of `GET /v1/versions`; null for the one that serves everybody when the run begins."
    )


class RunFigure(BaseModel):
    """A figure with its 95 % interval; null where it is not known."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    questions: int = Field(description="That it is about.")


class RunOut(BaseModel):
    """A run."""

    id: str
    object: Literal["evaluation.run"] = "evaluation.run"
    version: str | None = Field(description="That answers; null before it is known.")
    state: RunState
    percent: float
    reason: str = Field(description="Why it waits or failed.")
    created_at: float
    started_at: float | None
    finished_at: float | None
    golden_sha256: str
    questions: int
    unanswered: int
    figures: list[RunFigure]
    latency_ms: dict[str, float] | None = Field(description="Percentiles of the time to a whole answer.")

    @classmethod
    def of(cls, run: Run) -> Self:
        """Show a run."""
        return cls.model_validate(_shown(run))


class FailingCitation(BaseModel):
    """A verified quote of a failing answer."""

    number: int
    document_id: str
    title: str
    filepath: str
    content: str
    page_start: int | None


class Failing(BaseModel):
    """A question whose answer fails."""

    id: str
    question: str
    expected: str
    text: str = Field(description="The answer, with markers.")
    why: str
    segment: str | None
    citations: list[FailingCitation]


class RunWhole(RunOut):
    """A run with the questions that failed, once it is over."""

    failing: list[Failing]

    @classmethod
    def of_both(cls, run: Run, failing: list[dict[str, Any]]) -> Self:
        """Show a run and what failed."""
        return cls.model_validate({**_shown(run), "failing": failing})


def _shown(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "version": run.version or run.asked_for or None,
        "state": run.state,
        "percent": round(100 * run.done / max(run.questions, 1), 1),
        "reason": run.reason,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "golden_sha256": run.golden_sha256,
        "questions": run.questions,
        "unanswered": run.unanswered,
        "figures": [dict(figure) for figure in run.figures],
        "latency_ms": None if run.latency_ms is None else dict(run.latency_ms),
    }
