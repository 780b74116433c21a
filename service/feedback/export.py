"""Feedback as training data, row by row, in the memory of one batch.

`records`  every judgement joined with its prompt, passages and answers, as `training` reads it
`dpo`      {"prompt", "chosen", "rejected"}: pairs that somebody really expressed - a preference that is not a tie, a
           correction over the answer it corrects, thumbs up and down by one voter on two answers to one prompt
`kto`      {"prompt", "completion", "label"}: thumbs

The last two are TRL's conversational formats. What was replaced, withdrawn, or not given for training is left out.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Literal

from service.feedback.answers import AnswerRecord, AnswerStore
from service.feedback.log import FeedbackLog
from service.feedback.records import WITHDRAWN, Entry, id_key
from service.privacy.consent import Consents, allowed
from service.scopes import NAMED, Readers, Scope, learns, trains
from training.policy.prompting import build_messages

ExportFormat = Literal["records", "dpo", "kto"]
Row = dict[str, Any]
May = Callable[[AnswerRecord], bool]
BATCH_ENTRIES = 100


class FeedbackExport:
    """Reads the log and the answers once, oldest first. What arrives meanwhile may or may not be in."""

    def __init__(
        self, log: FeedbackLog, answers: AnswerStore, may: May = lambda record: True, consents: Consents | None = None
    ) -> None:
        """Read from these.

        Args:
            log: What was said.
            answers: What it was said about.
            may: Which answers may be taken out; all by default.
            consents: What the people say about training; None takes the word of the requests alone.
        """
        self._log = log
        self._answers = answers
        self._may = may
        self._consents = consents

    async def lines(
        self, format: ExportFormat, *, since: float | None = None, until: float | None = None
    ) -> AsyncIterator[bytes]:
        """Give JSON lines, those of one batch at a time; `since` and `until` are seconds since the epoch."""
        async for rows in self.batches(format, since=since, until=until):
            yield b"".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for row in rows)

    async def batches(
        self, format: ExportFormat, *, since: float | None = None, until: float | None = None
    ) -> AsyncIterator[list[Row]]:
        """Give the rows themselves, those of one batch at a time; batches without rows are left out."""
        start = "-" if since is None else str(int(since * 1000))
        stop = "+" if until is None else str(int(until * 1000))
        while entries := await self._log.range(start, stop, count=BATCH_ENTRIES):
            usable = [entry for entry in entries if entry.consent and entry.stated != WITHDRAWN]
            standing = await self._log.standing(usable)
            rows = await self._rows(format, [entry for entry, stands in zip(usable, standing, strict=True) if stands])
            if rows:
                yield rows
            start = f"({entries[-1].entry_id}"

    async def _rows(self, format: ExportFormat, entries: Sequence[Entry]) -> list[Row]:
        siblings = await self._siblings(entries) if format == "dpo" else {}
        judged = [answer_id for entry in entries for answer_id in entry.answers]
        others = [answer_id for votes in siblings.values() for vote in votes for answer_id in vote.answers]
        answers = await self._answers.get_many(sorted({*judged, *others}))
        people = {*(entry.voter for entry in entries), *(record.user for record in answers.values())}
        consents = None if self._consents is None else await self._consents.of(people)
        rows: list[Row] = []
        for entry in entries:
            if any(answer_id not in answers for answer_id in entry.answers):
                continue  # its answer was erased or has outlived its retention
            askers = (answers[answer_id].user for answer_id in entry.answers)
            if consents is not None and not allowed(consents, entry.voter, *askers):
                continue
            if not all(self._may(answers[answer_id]) for answer_id in entry.answers):
                continue
            if format == "records":
                rows.append(record_row(entry, [answers[answer_id] for answer_id in entry.answers]))
            elif format == "kto":
                rows.extend(kto_rows(entry, answers[entry.answers[0]]))
            else:
                rows.extend(dpo_rows(entry, answers, siblings.get(entry.entry_id, ())))
        return rows

    async def _siblings(self, entries: Sequence[Entry]) -> dict[str, list[Entry]]:
        """Give for each thumb the earlier opposite thumbs of its voter on other answers to its prompt.

        Earlier, so that each pair is given once: when the later of the two is read.
        """
        found: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.kind != "vote" or entry.stated not in ("up", "down"):
                continue
            others = [
                answer_id
                for answer_id in await self._answers.of_prompt(entry.prompt_id)
                if answer_id not in entry.answers
            ]
            if not others:
                continue
            opposite = "down" if entry.stated == "up" else "up"
            votes = await self._log.votes_on(others, entry.voter)
            found[entry.entry_id] = [
                vote
                for vote in votes
                if vote.stated == opposite and vote.consent and id_key(vote.entry_id) < id_key(entry.entry_id)
            ]
        return found


def learned_by(scope: Scope, readers: Readers) -> May:
    """Give what tells whether a scope may learn from an answer, with access lists as they are now."""

    def may(record: AnswerRecord) -> bool:
        return learns(scope, trains(record.prompt.collections, readers, record.attributes.get(NAMED)))

    return may


def record_row(entry: Entry, answers: Sequence[AnswerRecord]) -> Row:
    """Join a judgement with everything that was recorded when the answers were served."""
    prompt = asdict(answers[0].prompt)
    return {
        "record_id": entry.entry_id,
        "kind": "correction" if entry.kind == "vote" and entry.vote().correction else entry.kind,
        "judged_at": entry.at,
        "voter": entry.voter,
        "segment": entry.segment,
        "rating" if entry.kind == "vote" else "outcome": entry.stated,
        **entry.details,
        "prompt_id": entry.prompt_id,
        "prompt": prompt,
        "answers": [
            {
                "answer_id": record.answer_id,
                **asdict(record.answer),
                "citations": list(record.citations),
                "user": record.user,
                "model": record.model,
                "request_id": record.request_id,
                "position": record.position,
                "served_at": record.created_at,
                "attributes": dict(record.attributes),
            }
            for record in answers
        ],
    }


def kto_rows(entry: Entry, answer: AnswerRecord) -> Iterator[Row]:
    """Give a thumb as a labelled completion; anything else gives nothing."""
    if entry.kind == "vote" and entry.stated in ("up", "down"):
        yield {
            "prompt": build_messages(answer.prompt),
            "completion": _said(answer.answer.text),
            "label": entry.stated == "up",
        }


def dpo_rows(entry: Entry, answers: dict[str, AnswerRecord], opposite: Sequence[Entry]) -> Iterator[Row]:
    """Give the pairs that an entry expresses.

    Args:
        entry: What somebody said.
        answers: The answers by id.
        opposite: Earlier opposite thumbs of the same voter on other answers to the same prompt.
    """
    prompt = build_messages(answers[entry.answers[0]].prompt)
    if entry.kind == "preference":
        for better, worse in entry.preference().pairs():
            yield _pair(prompt, answers[better].answer.text, answers[worse].answer.text)
        return
    own = answers[entry.answers[0]].answer.text
    if correction := entry.vote().correction:
        yield _pair(prompt, correction, own)
    for other in opposite:
        record = answers.get(other.answers[0])
        if record is not None:
            text = record.answer.text
            yield _pair(prompt, own, text) if entry.stated == "up" else _pair(prompt, text, own)


def _pair(prompt: object, chosen: str, rejected: str) -> Row:
    return {"prompt": prompt, "chosen": _said(chosen), "rejected": _said(rejected)}


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]
