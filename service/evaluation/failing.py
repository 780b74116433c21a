"""What is wrong with an answer to a golden question, in words that a person can act on."""

from __future__ import annotations

from training.citations import strip_markers
from training.evaluation.golden import GoldenQuestion
from training.evaluation.metrics import containment
from training.evaluation.row import Row


def wrong_with(question: GoldenQuestion, row: Row) -> str:
    """Say why an answer fails.

    Args:
        question: With what is expected.
        row: The answer, measured.

    Returns:
        One sentence; empty where nothing that was expected is missing.
    """
    if row.error:
        return f"There is no answer: {row.error}"
    if row.figures.get("correct") == 1.0:
        return ""
    found = row.figures.get("document_recall")
    lost = " None of the expected documents was found." if found == 0.0 else ""
    if question.unanswerable:
        return "" if row.abstained else "It answers, although the documents do not hold the answer."
    if row.abstained:
        return f"It says that the documents do not hold the answer.{lost}"
    if not question.parts:
        return lost.strip()
    said = strip_markers(row.answer)
    missing = [" or ".join(part) for part in question.parts if containment(said, (part,)) < 1.0]
    return f"It does not say: {'; '.join(missing)}.{lost}"


def expected_of(question: GoldenQuestion) -> str:
    """Say what was expected, for people."""
    if question.unanswerable:
        return "that the documents do not hold the answer"
    said = "; ".join(" or ".join(part) for part in question.parts)
    documents = ", ".join(map(str, question.documents))
    return " · ".join(part for part in (said, documents) if part)
