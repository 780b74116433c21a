"""A policy's answers to golden questions, question by question, and what they amount to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.evaluation.metrics import abstention
from training.evaluation.row import FIGURES, Row
from training.statistics import Estimate, bootstrap, ece, mean_estimate

_PERCENTILES = (50, 95, 99)
_FEWEST_FOR_CALIBRATION = 20
_FORMAT = 1


@dataclass(frozen=True)
class Evaluation:
    """Rows in the order of the golden file. Figures are clustered by document or topic."""

    version: str
    rows: tuple[Row, ...]

    @property
    def figures(self) -> dict[str, Estimate]:
        """Mean of each figure over the questions that it applies to, with its interval; and of abstaining."""
        return {**_means(self.rows), **_abstaining(self.rows)}

    def by_segment(self) -> dict[str, Estimate]:
        """Share of correct answers by segment."""
        names = sorted({row.segment for row in self.rows if row.segment is not None})
        kept = {name: _means([row for row in self.rows if row.segment == name]) for name in names}
        return {name: means["correct"] for name, means in kept.items() if "correct" in means}

    @property
    def latency_ms(self) -> dict[str, float]:
        """Percentiles of the time to the whole answer, milliseconds; empty without answers."""
        times = [row.latency_ms for row in self.rows if not row.error]
        return {f"p{p}": float(np.percentile(times, p)) for p in _PERCENTILES} if times else {}

    @property
    def calibration(self) -> float:
        """Expected calibration error of the confidence that an answer is correct, 5 bins of equal mass; NaN with fewer
        than 20 answers that have both.
        """
        both = [(row.confidence, row.figures["correct"]) for row in self.rows if "correct" in row.figures]
        known = [(confidence, correct) for confidence, correct in both if confidence is not None]
        if len(known) < _FEWEST_FOR_CALIBRATION:
            return math.nan
        return ece([one for one, _ in known], [one > 0 for _, one in known], bins=5, equal_mass=True)

    @property
    def failed(self) -> int:
        """How many questions got no answer at all."""
        return sum(bool(row.error) for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        calibration = self.calibration
        return {
            "format": _FORMAT,
            "version": self.version,
            "questions": len(self.rows),
            "failed": self.failed,
            "figures": {name: estimate.as_dict() for name, estimate in self.figures.items()},
            "segments": {name: estimate.as_dict() for name, estimate in self.by_segment().items()},
            "latency_ms": self.latency_ms,
            "calibration_error": None if math.isnan(calibration) else calibration,
            "rows": [row.as_dict() for row in self.rows],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Evaluation:
        """Read what `as_dict` gave.

        Args:
            data: Of an evaluation.

        Returns:
            The evaluation, its figures computed anew from its rows.

        Raises:
            ValueError: It is of another format.
        """
        if data.get("format") != _FORMAT:
            raise ValueError(f"not an evaluation of format {_FORMAT}")
        return cls(str(data["version"]), tuple(Row.from_dict(row) for row in data["rows"]))

    def lines(self) -> Iterator[tuple[str, str, str, str]]:
        """Give (figure, value, 95 % interval, questions) for a table."""
        for name, estimate in self.figures.items():
            yield name, f"{estimate.value:.3f}", interval(estimate), str(estimate.n)
        for name, estimate in self.by_segment().items():
            yield f"correct, segment {name}", f"{estimate.value:.3f}", interval(estimate), str(estimate.n)
        if not math.isnan(self.calibration):
            yield "calibration error", f"{self.calibration:.3f}", "", ""
        for name, spent in self.latency_ms.items():
            yield f"latency {name}", f"{spent:.0f} ms", "", ""

    def markdown(self) -> str:
        """Give a table for people."""
        rows = "\n".join(f"| {' | '.join(line)} |" for line in self.lines())
        failed = f", {self.failed} without an answer" if self.failed else ""
        return (
            f"**{self.version}**: {len(self.rows)} questions{failed}\n\n"
            f"| figure | value | 95 % | questions |\n|---|---|---|---|\n{rows}\n"
        )


def interval(estimate: Estimate) -> str:
    """Give the ends of an interval, nothing where they are not known."""
    if not math.isfinite(estimate.low) or not math.isfinite(estimate.high):
        return ""
    return f"{estimate.low:.3f} to {estimate.high:.3f}"


def _means(rows: Sequence[Row]) -> dict[str, Estimate]:
    found = {}
    for name in FIGURES:
        have = [row for row in rows if name in row.figures]
        if have:
            found[name] = mean_estimate([row.figures[name] for row in have], [row.cluster for row in have])
    return found


def _abstaining(rows: Sequence[Row]) -> dict[str, Estimate]:
    """Estimate precision, recall and F1 of abstaining, where questions are of both kinds."""
    answered = [row for row in rows if not row.error]
    absent = [row.unanswerable for row in answered]
    found: dict[str, Estimate] = {}
    if any(absent):
        hard = [row for row in answered if row.unanswerable]
        found["abstention_recall"] = mean_estimate([float(r.abstained) for r in hard], [r.cluster for r in hard])
    if silent := [row for row in answered if row.abstained]:
        right = [float(row.unanswerable) for row in silent]
        found["abstention_precision"] = mean_estimate(right, [row.cluster for row in silent])
    if any(absent) and not all(absent):

        def f1(places: npt.NDArray[np.intp]) -> float:
            drawn = [answered[place] for place in places]
            return abstention([row.abstained for row in drawn], [row.unanswerable for row in drawn]).f1

        found["abstention_f1"] = bootstrap(f1, len(answered), [row.cluster for row in answered])
    return found
