"""What a scope may learn from: the log read once, oldest first, each entry as a record or with the reason why not.

Reads in batches, so memory does not grow with the log. Reasons are those of `training/datasets/standing.py` where it
has them; an entry that belongs to another scope than the one read for is neither a record nor left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from service.feedback.answers import AnswerRecord, AnswerStore
from service.feedback.export import Row, record_row
from service.feedback.log import FeedbackLog
from service.feedback.records import WITHDRAWN, Entry
from service.privacy.consent import Consents, allowed
from service.privacy.redact import Redactor
from service.scopes import NAMED, RESTRICTED, SHARED, Readers, Scope, learns, trains
from training.datasets.standing import NO_CONSENT, REPLACED, VOTER_EXCLUDED

TAKEN_BACK = "withdrawn by the voter"
GONE = "its answer was erased"
BATCH_ENTRIES = 200
NOTHING = Redactor(kinds=())


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may learn from what, as it is at the time of reading, and what is taken out of it."""

    scope: Scope = SHARED
    readers: Readers = field(default_factory=dict)  # of all collections
    excluded: Collection[str] = frozenset()  # voters
    redactor: Redactor = NOTHING


@dataclass(frozen=True, slots=True)
class Piece:
    """A batch of the log."""

    rows: list[Row]
    left_out: list[tuple[str, str]]  # (entry id, reason)
    own: int  # of the rows, those of the scope itself: a segment and a collection also learn from everybody's


class TrainingReader:
    """Reads what may be learned from. For one task at a time."""

    def __init__(self, log: FeedbackLog, answers: AnswerStore, consents: Consents, rules: Rules) -> None:
        """Read from these under these rules."""
        self._log = log
        self._answers = answers
        self._consents = consents
        self._rules = rules

    async def pieces(self, start: str, stop: str) -> AsyncIterator[Piece]:
        """Give the log between two entry ids (`-`, `+` and `(`id as in Redis), some entries at a time."""
        while entries := await self._log.range(start, stop, count=BATCH_ENTRIES):
            yield await self._piece(entries)
            start = f"({entries[-1].entry_id}"

    async def _piece(self, entries: Sequence[Entry]) -> Piece:
        standing = await self._log.standing(entries)
        reasons = {
            entry.entry_id: reason
            for entry, stands in zip(entries, standing, strict=True)
            if (reason := entry_refusal(entry, stands, self._rules.excluded)) is not None
        }
        rest = [entry for entry in entries if entry.entry_id not in reasons]
        answers = await self._answers.get_many(sorted({answer_id for entry in rest for answer_id in entry.answers}))
        people = [record.user for record in answers.values()]
        consents = await self._consents.of([*(entry.voter for entry in rest), *people])
        rows: list[Row] = []
        own = 0
        for entry in rest:
            if any(answer_id not in answers for answer_id in entry.answers):
                reasons[entry.entry_id] = GONE
                continue
            judged = [answers[answer_id] for answer_id in entry.answers]
            owner = scope_of(judged[0], self._rules.readers)
            if not allowed(consents, entry.voter, *(record.user for record in judged)):
                reasons[entry.entry_id] = NO_CONSENT
            elif learns(self._rules.scope, owner):
                rows.append(self._rules.redactor.row(record_row(entry, judged))[0])
                own += _is_own(self._rules.scope, owner, entry)
            elif owner is None or self._rules.scope.kind != "collection":
                reasons[entry.entry_id] = RESTRICTED
        left_out = [(entry.entry_id, reasons[entry.entry_id]) for entry in entries if entry.entry_id in reasons]
        return Piece(rows, left_out, own)


def entry_refusal(entry: Entry, stands: bool, excluded: Collection[str]) -> str | None:
    """Say why nothing may be learned from an entry, as far as that needs no answer; None where something may."""
    if entry.stated == WITHDRAWN:
        return TAKEN_BACK
    if not stands:
        return REPLACED
    if not entry.consent:
        return NO_CONSENT
    return VOTER_EXCLUDED if entry.voter in excluded else None


def scope_of(record: AnswerRecord, readers: Readers) -> Scope | None:
    """Say whose adapter may learn from an answer; None where none may."""
    return trains(record.prompt.collections, readers, record.attributes.get(NAMED))


def _is_own(scope: Scope, owner: Scope | None, entry: Entry) -> bool:
    return entry.segment == scope.name if scope.kind == "segment" else owner == scope


def told(left_out: Mapping[str, int]) -> str:
    """Name the commonest reasons."""
    counted = sorted(left_out.items(), key=lambda item: (-item[1], item[0]))[:3]
    return ", ".join(f"{count} {reason}" for reason, count in counted)
