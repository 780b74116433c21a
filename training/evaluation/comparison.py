"""Two evaluations of the same questions, side by side: paired differences and the answers that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from training.evaluation.evaluation import Evaluation, interval
from training.evaluation.row import FIGURES, Row
from training.statistics import Estimate, paired_difference

_MOST_SHOWN = 20
_CELL_CHARS = 160


@dataclass(frozen=True)
class Change:
    """A question that the two answer differently."""

    id: str
    question: str
    before: str
    after: str
    verdict: str  # better, worse or same, by whether the answer is correct


@dataclass(frozen=True)
class SideBySide:
    """Candidate minus champion: above 0 the candidate is better (of words and milliseconds, has more)."""

    champion: str
    candidate: str
    differences: dict[str, Estimate]
    changes: tuple[Change, ...]
    questions: int  # that both answered

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        changed = [{name: getattr(one, name) for name in Change.__dataclass_fields__} for one in self.changes]
        return {
            "champion": self.champion,
            "candidate": self.candidate,
            "questions": self.questions,
            "differences": {name: estimate.as_dict() for name, estimate in self.differences.items()},
            "changes": changed,
        }

    def lines(self) -> list[tuple[str, str, str, str]]:
        """Give (figure, difference, 95 % interval, questions) for a table."""
        return [(n, f"{e.value:+.3f}", interval(e), str(e.n)) for n, e in self.differences.items()]

    def markdown(self) -> str:
        """Give tables for people: the differences, then answers that became worse, better, and others that changed."""
        rows = "\n".join(f"| {' | '.join(line)} |" for line in self.lines())
        order = sorted(self.changes, key=lambda one: ("worse", "better", "same").index(one.verdict))
        changes = "\n".join(
            f"| {c.verdict} | {_cell(c.question)} | {_cell(c.before)} | {_cell(c.after)} |" for c in order[:_MOST_SHOWN]
        )
        return (
            f"**{self.candidate}** minus **{self.champion}**, {self.questions} questions\n\n"
            f"| figure | difference | 95 % | questions |\n|---|---|---|---|\n{rows}\n\n"
            f"{len(self.changes)} answers changed\n"
            + (f"\n| | question | before | after |\n|---|---|---|---|\n{changes}\n" if changes else "")
        )


def compare(champion: Evaluation, candidate: Evaluation) -> SideBySide:
    """Compare question by question.

    Args:
        champion: What is served.
        candidate: What might replace it.

    Returns:
        Differences over the questions for which both have the figure; intervals clustered by document or topic.

    Raises:
        ValueError: They share no question.
    """
    before = {row.id: row for row in champion.rows}
    pairs = [(before[row.id], row) for row in candidate.rows if row.id in before]
    if not pairs:
        raise ValueError(f"{champion.version} and {candidate.version} were not asked the same questions")
    differences = {}
    for name in FIGURES:
        if both := [(old, new) for old, new in pairs if name in old.figures and name in new.figures]:
            differences[name] = _difference(both, [(o.figures[name], n.figures[name]) for o, n in both], (-1.0, 1.0))
    differences["abstained"] = _difference(pairs, [(float(o.abstained), float(n.abstained)) for o, n in pairs], (-1, 1))
    differences["words"] = _difference(pairs, [(float(o.words), float(n.words)) for o, n in pairs], None)
    differences["latency_ms"] = _difference(pairs, [(o.latency_ms, n.latency_ms) for o, n in pairs], None)
    changes = tuple(
        Change(old.id, old.question, old.answer, new.answer, _verdict(old, new))
        for old, new in pairs
        if old.answer.split() != new.answer.split()
    )
    return SideBySide(champion.version, candidate.version, differences, changes, len(pairs))


def _difference(
    pairs: Sequence[tuple[Row, Row]], figures: Sequence[tuple[float, float]], bounds: tuple[float, float] | None
) -> Estimate:
    clusters = [old.cluster for old, _ in pairs]
    return paired_difference([new for _, new in figures], [old for old, _ in figures], clusters, bounds=bounds)


def _verdict(old: Row, new: Row) -> str:
    gained = new.figures.get("correct", 0.0) - old.figures.get("correct", 0.0)
    return "better" if gained > 0 else "worse" if gained < 0 else "same"


def _cell(text: str) -> str:
    plain = " ".join(text.split()).replace("|", "\\|")
    return plain if len(plain) <= _CELL_CHARS else plain[: _CELL_CHARS - 1] + "…"
