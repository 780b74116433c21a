"""What people say about answers, as frozen values, and how each looks in the log.

A log entry is a stream entry with the fields k (kind), a (answer ids in the order shown), q (prompt id), u (voter),
v (versions), s (segment), r (rating or outcome), c (consent), p (the entry it replaces), d (the rest, as JSON). Its id
is its time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from service.feedback.codec import digest_of

Kind = Literal["vote", "preference"]
Rating = Literal["up", "down"]
Outcome = Literal["first", "second", "tie", "both_bad", "ranked"]
NO_RATING, WITHDRAWN = "none", "withdrawn"


@dataclass(frozen=True, slots=True)
class Vote:
    """A judgement of one answer. All of it is optional; a vote that says nothing at all withdraws."""

    rating: Rating | None = None
    scores: Mapping[str, int] = field(default_factory=dict)  # criterion -> 1-5
    reasons: tuple[str, ...] = ()
    comment: str = ""
    correction: str = ""
    evidence: tuple[tuple[str, bool], ...] = ()  # (chunk id, relevant)

    @property
    def payload(self) -> str:
        """What goes into field `d`."""
        items = {
            "scores": dict(sorted(self.scores.items())),
            "reasons": self.reasons,
            "comment": self.comment,
            "correction": self.correction,
            "evidence": self.evidence,
        }
        return _compact({name: item for name, item in items.items() if item})

    @property
    def stated(self) -> str:
        """What goes into field `r`."""
        if self.rating is not None:
            return self.rating
        return WITHDRAWN if self.payload == "{}" else NO_RATING


@dataclass(frozen=True, slots=True)
class Preference:
    """A comparison of two to four answers to one prompt; `answers` is the order shown, `ranks` follow it, 1 is best."""

    answers: tuple[str, ...]
    outcome: Outcome
    ranks: tuple[int, ...]
    reasons: tuple[str, ...] = ()
    comment: str = ""

    @property
    def payload(self) -> str:
        """What goes into field `d`."""
        items = {"ranks": self.ranks, "reasons": self.reasons, "comment": self.comment}
        return _compact({name: item for name, item in items.items() if item})

    @property
    def answer_set(self) -> str:
        """Short name of the set of answers, whatever the order shown."""
        return digest_of(*(answer.encode() for answer in sorted(self.answers)))

    def pairs(self) -> list[tuple[str, str]]:
        """Give (better, worse) for every two answers that the person really set apart."""
        ranked = list(zip(self.ranks, self.answers, strict=True))
        return [(better, worse) for best, better in ranked for rank, worse in ranked if best < rank]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log as read back."""

    entry_id: str
    kind: Kind
    answers: tuple[str, ...]
    prompt_id: str
    voter: str
    versions: tuple[str, ...]
    segment: str | None
    stated: str  # up, down, none, withdrawn; or an outcome
    consent: bool
    replaces: str | None
    details: Mapping[str, Any]

    @property
    def at(self) -> float:
        """When it was acknowledged, in seconds since the epoch by Redis's clock."""
        return int(self.entry_id.partition("-")[0]) / 1000

    @property
    def current_field(self) -> str:
        """Field under which the current entry of this voter about these answers is found."""
        if self.kind == "vote":
            return self.voter
        return f"{digest_of(*(answer.encode() for answer in sorted(self.answers)))} {self.voter}"

    def vote(self) -> Vote:
        """Give the vote it holds."""
        details = self.details
        return Vote(
            rating=self.stated if self.stated in ("up", "down") else None,  # type: ignore[arg-type]
            scores=details.get("scores", {}),
            reasons=tuple(details.get("reasons", ())),
            comment=details.get("comment", ""),
            correction=details.get("correction", ""),
            evidence=tuple((chunk, bool(relevant)) for chunk, relevant in details.get("evidence", ())),
        )

    def preference(self) -> Preference:
        """Give the preference it holds."""
        details = self.details
        return Preference(
            answers=self.answers,
            outcome=self.stated,  # type: ignore[arg-type]
            ranks=tuple(details["ranks"]),
            reasons=tuple(details.get("reasons", ())),
            comment=details.get("comment", ""),
        )


def read_entry(entry_id: bytes, fields: Mapping[bytes, bytes]) -> Entry:
    """Read an entry as the client gives it."""
    text = {name.decode(): value.decode() for name, value in fields.items()}
    return Entry(
        entry_id=entry_id.decode(),
        kind="vote" if text["k"] == "vote" else "preference",
        answers=tuple(text["a"].split(",")),
        prompt_id=text["q"],
        voter=text["u"],
        versions=tuple(text["v"].split(",")),
        segment=text["s"] or None,
        stated=text["r"],
        consent=text["c"] == "1",
        replaces=text["p"] or None,
        details=json.loads(text["d"]),
    )


def id_key(entry_id: str, *, last: bool = False) -> tuple[float, float]:
    """Give the order of an entry id, as Redis orders it; a bare time is its first entry, or with `last` its last."""
    entry_id = entry_id.removeprefix("(")
    if entry_id in "-+":
        return (float("-inf"), 0) if entry_id == "-" else (float("inf"), 0)
    at, dash, sequence = entry_id.partition("-")
    return (int(at), int(sequence) if dash else float("inf") if last else 0)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
