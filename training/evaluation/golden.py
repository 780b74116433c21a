"""Golden questions: what an operator expects of the answers, one JSON object a line.

    {"question": "How many days of vacation are there?", "answers": ["30 days"], "documents": ["handbook.pdf"]}
    {"question": "And in the first year?", "history": [{"role": "user", "text": "How many days of vacation are there?"},
      {"role": "assistant", "text": "30 days."}], "contains": [["15 days", "fifteen days"], "pro rata"],
      "documents": [{"document": "handbook.pdf", "page": 4}], "segment": "de", "tags": ["hr"]}
    {"question": "Who won the cup in 1931?", "unanswerable": true}

Every field but `question` may be left out; a field that is not in this list is an error.

    id            Name in reports, unique; made from question and history when left out.
    question      As a user would ask it.
    history       Earlier turns, oldest first: role `user` or `assistant`, and text.
    answers       Answers that are right, any of them: for exact match, F1 and containment.
    contains      What the answer must say, all of it; each part is a text, or a list of texts of which one suffices.
    documents     Documents that hold the answer: id or filename, or {"document", "page"} to name a page as well.
    unanswerable  True where the documents hold no answer: the right answer is to say so. Then nothing else is expected.
    segment       Group of users who ask such things, for figures by segment.
    topic         Questions of one topic are not independent; intervals respect it. The first document when left out.
    tags          For the reader of a report.
    passages      What to answer from, instead of searching: {"text", and optionally "document_id", "chunk_id", "title",
                  "filename", "page", "score"}. Fixes the passages, so that only the policy is compared.

Blank lines are skipped. Reading is strict, and says every line that is wrong, not only the first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.evaluation.golden_row import PassageRow, QuestionRow, parse
from training.policy.base import ShownPassage, Turn

_MOST_SHOWN = 20  # problems named in a message


class GoldenError(ValueError):
    """A golden file cannot be used; `problems` has (line, reason) for everything wrong, line 0 for the file itself."""

    def __init__(self, path: Path, problems: Sequence[tuple[int, str]]) -> None:
        self.problems = tuple(problems)
        lines = [f"{path}:{line}: {reason}" if line else f"{path}: {reason}" for line, reason in problems]
        more = [f"and {len(lines) - _MOST_SHOWN} more"] if len(lines) > _MOST_SHOWN else []
        super().__init__("\n".join(lines[:_MOST_SHOWN] + more))


@dataclass(frozen=True, slots=True)
class Expected:
    """A document that holds the answer."""

    document: str  # id or filename
    page: int | None = None

    def matches(self, passage: ShownPassage) -> bool:
        """Tell whether a passage is from it: its id, its filename or the end of its path, and its page if named."""
        named = (passage.document_id, passage.filename, passage.filename.rsplit("/", 1)[-1])
        if self.document not in named:
            return False
        if self.page is None:
            return True
        first = passage.page_start
        return first is not None and first <= self.page <= (passage.page_end or first)

    def __str__(self) -> str:
        """Show it to people."""
        return self.document if self.page is None else f"{self.document}, page {self.page}"


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """One question with what is expected of its answer."""

    id: str
    question: str
    history: tuple[Turn, ...] = ()
    answers: tuple[str, ...] = ()
    contains: tuple[tuple[str, ...], ...] = ()
    documents: tuple[Expected, ...] = ()
    unanswerable: bool = False
    segment: str | None = None
    topic: str = ""
    tags: tuple[str, ...] = ()
    passages: tuple[ShownPassage, ...] | None = None

    @property
    def cluster(self) -> str:
        """Group of questions that are not independent of each other."""
        return self.topic or (self.documents[0].document if self.documents else self.id)

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """What the answer must hold: each of the parts, and one of the right answers."""
        return (*self.contains, *((self.answers,) if self.answers else ()))


def read_golden(path: Path) -> list[GoldenQuestion]:
    """Read a golden file.

    Args:
        path: JSONL, UTF-8.

    Returns:
        The questions in the order of the file.

    Raises:
        GoldenError: The file cannot be read, holds no question, or lines of it are wrong.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GoldenError(path, [(0, f"cannot be read: {error.strerror}")]) from error
    return parse_golden(content, path)


def parse_golden(content: bytes, path: Path) -> list[GoldenQuestion]:
    """Read what a golden file holds, or would hold.

    Args:
        content: JSONL, UTF-8.
        path: Named in errors.

    Returns:
        The questions in their order.

    Raises:
        GoldenError: It holds no question, or lines of it are wrong.
    """
    questions: dict[str, GoldenQuestion] = {}
    first: dict[str, int] = {}
    problems: list[tuple[int, str]] = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            question = _question(parse(line))
        except ValueError as error:
            problems.append((number, str(error)))
            continue
        if question.id in questions:
            problems.append((number, f"id: {question.id!r} is also that of line {first[question.id]}"))
        questions[question.id] = question
        first.setdefault(question.id, number)
    if not questions and not problems:
        problems.append((0, "holds no question"))
    if problems:
        raise GoldenError(path, problems)
    return list(questions.values())


def _question(row: QuestionRow) -> GoldenQuestion:
    history = tuple(Turn(turn.role, turn.text) for turn in row.history)
    documents = (Expected(one) if isinstance(one, str) else Expected(one.document, one.page) for one in row.documents)
    return GoldenQuestion(
        id=row.id or _name(row.question, history),
        question=row.question,
        history=history,
        answers=row.answers,
        contains=tuple((part,) if isinstance(part, str) else part for part in row.contains),
        documents=tuple(documents),
        unanswerable=row.unanswerable,
        segment=row.segment,
        topic=row.topic,
        tags=row.tags,
        passages=None if row.passages is None else tuple(_shown(n, one) for n, one in enumerate(row.passages, 1)),
    )


def _shown(number: int, row: PassageRow) -> ShownPassage:
    return ShownPassage(
        number=number,
        chunk_id=row.chunk_id or f"passage-{number}",
        document_id=row.document_id or row.filename or f"document-{number}",
        title=row.title,
        text=row.text,
        score=row.score,
        filename=row.filename,
        page_start=row.page,
        page_end=row.page,
    )


def _name(question: str, history: Sequence[Turn]) -> str:
    content = json.dumps([question, [[turn.role, turn.text] for turn in history]])
    return "q-" + hashlib.sha256(content.encode()).hexdigest()[:12]
