"""One golden question answered, and what its answer is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from training.citations import cite, strip_markers
from training.evaluation.citation_metrics import citation_scores
from training.evaluation.golden import GoldenQuestion
from training.evaluation.groundedness import SupportScorer, answer_groundedness
from training.evaluation.metrics import containment, exact_match, ndcg_at, recall_at, reciprocal_rank, token_f1
from training.policy.base import ShownPassage

# What can be measured, with how to read it; an answer has those that its question's expectations allow.
FIGURES = {
    "correct": "says all that is expected; on unanswerable questions, abstains",
    "containment": "share of the expected parts that the answer holds",
    "exact_match": "the answer is an expected one (SQuAD's EM)",
    "f1": "words shared with the nearest expected answer (SQuAD's F1)",
    "document_recall": "share of the expected documents among the passages shown",
    "ndcg": "of the passages shown, by the expected documents",
    "reciprocal_rank": "1 / rank of the first passage from an expected document",
    "cites_expected": "a verified citation is from an expected document",
    "citation_recall": "share of the factual sentences that their citations support (ALCE)",
    "citation_precision": "share of the citations that support or are needed (ALCE)",
    "groundedness": "mean probability that a factual sentence is supported by the passages shown",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A question, its answer and its figures; a figure that does not apply is absent."""

    id: str
    question: str
    cluster: str
    answer: str
    abstained: bool
    unanswerable: bool
    figures: Mapping[str, float]
    segment: str | None = None
    tags: tuple[str, ...] = ()
    latency_ms: float = 0.0
    words: int = 0
    confidence: float | None = None  # exp of the log-probability per step; None where the policy gives none
    error: str = ""  # why there is no answer; such a row has no figures but counts as not correct

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return {**asdict(self), "figures": dict(self.figures), "tags": list(self.tags)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Row:
        """Read what `as_dict` gave.

        Args:
            data: Of a row.

        Returns:
            The row.
        """
        return cls(**{**data, "tags": tuple(data.get("tags", ()))})


@dataclass(frozen=True, slots=True)
class Told:
    """An answer as it came, from a policy or over HTTP."""

    text: str  # with markers
    passages: Sequence[ShownPassage]
    abstained: bool
    latency_ms: float
    logprob: float | None = None
    steps: int = 0
    error: str = ""
    timings_ms: Mapping[str, float] = field(default_factory=dict)


def measure(question: GoldenQuestion, told: Told, scorer: SupportScorer | None = None) -> Row:
    """Measure one answer.

    Args:
        question: With what is expected.
        told: The answer, with the passages it was made from.
        scorer: Judges whether passages support a sentence; None leaves groundedness out.

    Returns:
        The row. An abstention has no citation figures and no groundedness: it states nothing.
    """
    plain = strip_markers(told.text).strip()
    figures = {"correct": 0.0} if told.error and _checkable(question) else {}
    if not told.error:
        figures = {name: value for name, value in _figures(question, told, plain, scorer) if not math.isnan(value)}
    return Row(
        id=question.id,
        question=question.question,
        cluster=question.cluster,
        answer=told.text,
        abstained=told.abstained,
        unanswerable=question.unanswerable,
        figures=figures,
        segment=question.segment,
        tags=question.tags,
        latency_ms=round(told.latency_ms, 3),
        words=len(plain.split()),
        confidence=_confidence(told),
        error=told.error,
    )


def _figures(question: GoldenQuestion, told: Told, plain: str, scorer: SupportScorer | None) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    if question.unanswerable:
        found.append(("correct", float(told.abstained)))
    elif question.parts:
        held = 0.0 if told.abstained else containment(plain, question.parts)
        found += [("correct", float(held == 1.0)), ("containment", held)]
    if question.answers:
        found += [("exact_match", exact_match(plain, question.answers)), ("f1", token_f1(plain, question.answers))]
    if question.documents:
        found += _ranking(question, told.passages)
    if not told.abstained:
        cited = cite(told.text, told.passages)
        shown = {passage.number: passage for passage in told.passages}
        if question.documents:
            named = [shown[citation.number] for citation in cited.citations if citation.verified]
            hit = any(one.matches(passage) for one in question.documents for passage in named)
            found.append(("cites_expected", float(hit)))
        scores = citation_scores(told.text, told.passages)
        found += [("citation_recall", scores.recall), ("citation_precision", scores.precision)]
        if scorer is not None and scores.statements:
            found.append(("groundedness", answer_groundedness(told.text, told.passages, scorer)))
    return found


def _ranking(question: GoldenQuestion, passages: Sequence[ShownPassage]) -> list[tuple[str, float]]:
    """Rank the expected documents by the passages, in the order shown; a passage of no such document is itself."""
    wanted = [str(one) for one in question.documents]
    ranked = [
        next((str(one) for one in question.documents if one.matches(passage)), f"\0{passage.number}")
        for passage in passages
    ]
    depth = len(ranked)
    return [
        ("document_recall", recall_at(ranked, wanted, depth)),
        ("ndcg", ndcg_at(ranked, wanted, depth) if depth else 0.0),
        ("reciprocal_rank", reciprocal_rank(ranked, wanted)),
    ]


def _checkable(question: GoldenQuestion) -> bool:
    return question.unanswerable or bool(question.parts)


def _confidence(told: Told) -> float | None:
    if told.logprob is None or told.steps < 1:
        return None
    return math.exp(min(told.logprob / told.steps, 0.0))
