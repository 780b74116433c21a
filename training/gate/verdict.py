"""What the gate decided, as data: every check with its figure, its interval, its threshold and why. No arithmetic here.

A check stands for one question. Its outcome is one of

    passed      measured, and good enough
    failed      measured, and not good enough, or not shown to be
    too_few     there was too little to measure it on; counts as not passed, and `why` says how much is missing
    absent      nobody gave what it would be measured on, and it is not required; passes, visibly

From the checks follows one of three tiers:

    proven      every check passes: the candidate is better beyond doubt, and on trial it need only do no harm
    trial       what does not pass is at least tolerable: measured and not looking worse than allowed, only not beyond
                doubt. It may be tried, and only people who vote on it live can prove it
    refused     neither
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from training.statistics import Estimate

FORMAT = 1
Kind = Literal["promotion", "veto"]
Outcome = Literal["passed", "failed", "too_few", "absent"]
Tier = Literal["proven", "trial", "refused"]
_SHOWN = {"passed": "passed", "failed": "**failed**", "too_few": "**too few**", "absent": "not measured"}


@dataclass(frozen=True, slots=True)
class Check:
    """One question the gate asked."""

    name: str
    kind: Kind
    outcome: Outcome
    why: str  # one sentence for people, with the figures
    estimate: Estimate | None = None  # None where there is no figure
    threshold: float | None = None  # what the end of the interval was held against
    detail: Mapping[str, float] = field(default_factory=dict)  # figures beside it, such as counts
    tolerable: bool = False  # not passed, but nothing that forbids a trial

    @property
    def passed(self) -> bool:
        """Tell whether it stands in nobody's way."""
        return self.outcome in ("passed", "absent")

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "outcome": self.outcome,
            "passed": self.passed,
            "why": self.why,
            "estimate": None if self.estimate is None else self.estimate.as_dict(),
            "threshold": self.threshold,
            "detail": dict(self.detail),
            "tolerable": self.tolerable,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Check:
        """Read what `as_dict` gave.

        Args:
            data: Of a check.

        Returns:
            The check.
        """
        estimate = data["estimate"]
        return cls(
            name=str(data["name"]),
            kind=data["kind"],
            outcome=data["outcome"],
            why=str(data["why"]),
            estimate=None if estimate is None else Estimate.from_dict(estimate),
            threshold=data["threshold"],
            detail=dict(data["detail"]),
            tolerable=bool(data.get("tolerable", False)),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """All checks of a candidate against a champion."""

    candidate: str
    champion: str
    checks: tuple[Check, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)  # hashes of what was judged, by name
    config: Mapping[str, Any] = field(default_factory=dict)  # the gate's settings

    @property
    def passed(self) -> bool:
        """Tell whether the candidate is proven: there are checks, one of them asks for progress, and all pass."""
        return any(check.kind == "promotion" for check in self.checks) and all(check.passed for check in self.checks)

    @property
    def tier(self) -> Tier:
        """Tell what the candidate may do; data that do not say that the gate allowed trials allow none."""
        if self.passed:
            return "proven"
        asked = any(check.kind == "promotion" for check in self.checks)
        may = bool(self.config.get("trial")) and asked and all(one.passed or one.tolerable for one in self.checks)
        return "trial" if may else "refused"

    @property
    def summary(self) -> str:
        """Say it in one sentence."""
        stopped = [check for check in self.checks if not check.passed]
        if self.tier == "trial":
            told = "; ".join(check.why for check in stopped)
            return f"{self.candidate} may be tried beside {self.champion}, and only live votes can promote it: {told}"
        if self.passed:
            proof = next(check for check in self.checks if check.kind == "promotion")
            return f"{self.candidate} may replace {self.champion}: {proof.why}"
        if not stopped:
            return f"{self.candidate} does not replace {self.champion}: nothing was checked"
        return f"{self.candidate} does not replace {self.champion}: " + "; ".join(
            f"{check.name}: {check.why}" for check in stopped
        )

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return {
            "format": FORMAT,
            "candidate": self.candidate,
            "champion": self.champion,
            "passed": self.passed,
            "tier": self.tier,
            "summary": self.summary,
            "checks": [check.as_dict() for check in self.checks],
            "inputs": dict(self.inputs),
            "config": dict(self.config),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        """Read what `as_dict` gave. Whether it passed follows from the checks, not from what the data claim.

        Args:
            data: Of a verdict.

        Returns:
            The verdict.

        Raises:
            ValueError: The data are not a verdict of this format.
        """
        try:
            if data["format"] != FORMAT:
                raise ValueError(f"a verdict of format {data['format']}; this program knows {FORMAT}")
            return cls(
                candidate=str(data["candidate"]),
                champion=str(data["champion"]),
                checks=tuple(Check.from_dict(check) for check in data["checks"]),
                inputs=dict(data["inputs"]),
                config=dict(data["config"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a verdict: {error!r}") from error

    def markdown(self) -> str:
        """Show it to people: the sentence, then a table of the checks."""
        rows = [
            f"| {check.name} | {check.kind} | {_SHOWN[check.outcome]} | {_figure(check)} | {_cell(check.why)} |"
            for check in self.checks
        ]
        return "\n".join(
            [f"{self.summary}.", "", "| check | kind | outcome | figure | why |", "|---|---|---|---|---|", *rows, ""]
        )


def _figure(check: Check) -> str:
    if check.estimate is None:
        return ""
    held = "" if check.threshold is None else f" against {check.threshold:g}"
    return f"{check.estimate}{held}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
