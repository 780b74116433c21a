"""What a set of examples is made of: every count, every reason for leaving something out, who weighs how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from training.datasets.examples import Counts
from training.datasets.weaknesses import Weakness
from training.datasets.weights import FactorSummary


@dataclass(frozen=True, slots=True)
class VoterShares:
    """How much of the weight how few people hold. No name is kept."""

    count: int
    largest: float  # share of the voter who weighs most
    effective: float  # 1 / sum of squared shares: so many equal voters would be as many

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> VoterShares:
        """Sum up weights by voter."""
        total = sum(weights.values())
        if total <= 0:
            return cls(len(weights), 0.0, 0.0)
        shares = [weight / total for weight in weights.values()]
        return cls(len(shares), max(shares), 1 / sum(share * share for share in shares))


@dataclass(frozen=True)
class DataCard:
    """A set of examples described. `fate` names for every record `used` or why it was left out, for its lineage."""

    records: int
    used: int
    left_out: Mapping[str, int]
    unreadable: int
    repeated_ids: int
    counts: Counts
    pairs: Mapping[str, int]  # by origin
    targets: Mapping[str, int]  # by origin
    reasons: Mapping[str, int]  # tags given with the records used
    voters: VoterShares
    voter_cap: float
    factors: Mapping[str, FactorSummary]
    total_weight: float
    segments: Mapping[str, float]  # share of the weight
    versions: Mapping[str, int]  # judged answers of each
    collections: Mapping[str, int]  # judgements that stand, by what their answers drew on: ids of collections
    first_at: float | None
    last_at: float | None
    weaknesses: tuple[Weakness, ...]
    notes: tuple[str, ...]
    fate: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON values, without the fate of the single records."""
        values = asdict(self)
        del values["fate"]
        return values

    def markdown(self) -> str:
        """Write it for people."""
        counts = self.counts
        lines = [
            "# Data card",
            "",
            f"{self.used:,} of {self.records:,} judgements are used{self._span()}. "
            f"They make {counts.examples:,} prompts with {counts.comparisons:,} comparisons, {counts.ties:,} ties or "
            f'"both bad", {counts.up:,} thumbs up, {counts.down:,} thumbs down and {counts.targets:,} answers to '
            "imitate.",
            "",
            *_table("Left out", "judgements", self._out()),
            *_table("Pairs come from", "pairs", self.pairs),
            *_table("Answers to imitate come from", "answers", self.targets),
            *_table("Version judged", "answers", self.versions),
            *_table("Segment", "share of the weight", {name: f"{share:.1%}" for name, share in self.segments.items()}),
            *_table("Reason given", "judgements", self.reasons),
            "## Weights",
            "",
            f"{self.voters.count:,} voters weigh as much as {self.voters.effective:.1f} equal ones; the largest has "
            f"{self.voters.largest:.1%}. No voter may exceed {self.voter_cap:.1f} effective judgements of "
            f"{self.total_weight:.1f}.",
            "",
            "| factor | least | mean | most | changed |",
            "|---|---|---|---|---|",
            *(
                f"| {name} | {item.least:.3f} | {item.mean:.3f} | {item.most:.3f} | {item.changed:,} |"
                for name, item in self.factors.items()
            ),
            "",
            "## What to know",
            "",
            *(f"- {weakness.message}" for weakness in self.weaknesses),
            *(f"- {note}" for note in self.notes),
        ]
        return "\n".join(lines).rstrip() + "\n"

    def _out(self) -> dict[str, int]:
        found = dict(self.left_out)
        if self.unreadable:
            found["lines that could not be read"] = self.unreadable
        if self.repeated_ids:
            found["the same record again"] = self.repeated_ids
        return found

    def _span(self) -> str:
        if self.first_at is None or self.last_at is None:
            return ""
        first, last = (datetime.fromtimestamp(at, UTC).date().isoformat() for at in (self.first_at, self.last_at))
        return f", from {first} to {last}"


def counted(names: Counter[str]) -> dict[str, int]:
    """Give counts, the largest first, ties by name: the same whatever the order of counting."""
    return dict(sorted(names.items(), key=lambda item: (-item[1], item[0])))


def _table(what: str, unit: str, rows: Mapping[str, object]) -> list[str]:
    if not rows:
        return []
    return [f"| {what} | {unit} |", "|---|---|", *(f"| {_cell(name)} | {row} |" for name, row in rows.items()), ""]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")[:200] or "(none)"
