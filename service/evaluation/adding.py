"""From answers to the lines that are kept of them, and from the lines to the figures of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from service.evaluation.asking import Heard
from service.evaluation.failing import expected_of, wrong_with
from service.evaluation.runs import Run, RunStore
from training.evaluation.evaluation import Evaluation
from training.evaluation.golden import GoldenQuestion
from training.evaluation.row import Row, measure
from training.statistics import Estimate


def line_of(question: GoldenQuestion, heard: Heard) -> dict[str, Any]:
    """Measure an answer, and give what is kept of it.

    Args:
        question: With what is expected.
        heard: The answer.

    Returns:
        `row`, `passages` and `citations`, as JSON holds them.
    """
    return {"row": measure(question, heard.told).as_dict(), **heard.beside()}


def added_up(store: RunStore, run: Run, questions: Sequence[GoldenQuestion], lines: Mapping[str, Any]) -> Run:
    """Give a run its figures, and keep the questions that failed. Blocking.

    Args:
        store: Keeps them.
        run: All of whose questions were asked.
        questions: In the order of the golden set.
        lines: By the id of a question.

    Returns:
        The run with its figures.
    """
    rows = [Row.from_dict(lines[question.id]["row"]) for question in questions]
    evaluation = Evaluation(run.version, tuple(rows))
    failing = []
    for question, row in zip(questions, rows, strict=True):
        if why := wrong_with(question, row):
            failing.append(
                {
                    "id": question.id,
                    "question": question.question,
                    "expected": expected_of(question),
                    "text": row.answer,
                    "why": why,
                    "segment": question.segment,
                    "citations": lines[question.id]["citations"],
                }
            )
    store.write_failing(run, failing)
    segments = {f"correct, segment {name}": found for name, found in evaluation.by_segment().items()}
    return replace(
        run,
        done=len(rows),
        unanswered=evaluation.failed,
        figures=tuple(_figure(name, found) for name, found in {**evaluation.figures, **segments}.items()),
        latency_ms=evaluation.latency_ms,
    )


def _figure(name: str, estimate: Estimate) -> dict[str, Any]:
    told = estimate.as_dict()
    return {"name": name, "value": told["value"], "low": told["low"], "high": told["high"], "questions": told["n"]}
