"""What the service exports is what training reads: rows are made by the service's own function."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from service.feedback.answers import AnswerRecord
from service.feedback.export import record_row
from service.feedback.records import Entry, Preference, Vote
from tests.service.feedback.samples import make_answer, make_prompt, make_record
from training.records import write
from training.records.read import read_records


def entry_of(vote: Vote, answer: AnswerRecord, entry_id: str = "1700000000123-0") -> Entry:
    """Put a vote into the log's form."""
    return Entry(
        entry_id=entry_id,
        kind="vote",
        answers=(answer.answer_id,),
        prompt_id=answer.prompt_id,
        voter="key:v",
        versions=(answer.answer.version,),
        segment="en",
        stated=vote.stated,
        consent=True,
        replaces=None,
        details=json.loads(vote.payload),
    )


def lines_of(*rows: dict[str, Any]) -> list[bytes]:
    """Write rows as the service does."""
    return [json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for row in rows]


VOTES = {
    "thumb": Vote("up"),
    "everything": Vote(
        "down",
        {"helpful": 1},
        ("wrong_answer", "wrong_source"),
        "No\u2028way",
        "Better.",
        (("chk_7", True), ("chk_8", False)),
    ),
    "only a correction": Vote(correction="Often, and with soap. [1]"),
    "only marks": Vote(evidence=(("chk_8", False),)),
}


@pytest.mark.parametrize("name", VOTES)
def test_votes_come_back_as_they_were_said(name: str) -> None:
    vote, answer = VOTES[name], make_record()
    (record,) = read_records(lines_of(record_row(entry_of(vote, answer), [answer]))).records

    assert record.kind == ("correction" if vote.correction else "vote")
    assert (record.rating, record.scores, record.reasons) == (vote.rating, vote.scores, vote.reasons)
    assert (record.comment, record.correction, record.evidence) == (vote.comment, vote.correction, vote.evidence)
    assert (record.record_id, record.judged_at, record.voter) == ("1700000000123-0", 1_700_000_000.123, "key:v")
    assert (record.prompt, record.prompt_id, record.segment) == (answer.prompt, answer.prompt_id, "en")
    (judged,) = record.answers
    assert judged.answer == answer.answer
    assert (judged.answer_id, judged.user) == (answer.answer_id, answer.user)
    assert (judged.position, judged.served_at) == (answer.position, answer.created_at)
    assert (record.source, record.consent, record.excluded, record.imported) == ("human", True, "", False)


@pytest.mark.parametrize(
    ("outcome", "ranks"),
    [("first", (1, 2)), ("second", (2, 1)), ("tie", (1, 1)), ("both_bad", (1, 1)), ("ranked", (2, 1, 2))],
)
def test_preferences_come_back_as_they_were_said(outcome: Any, ranks: tuple[int, ...]) -> None:
    answers = [make_record(text) for text in ("A", "B", "C")[: len(ranks)]]
    said = Preference(tuple(a.answer_id for a in answers), outcome, ranks, ("clear",), "Mm")
    entry = replace(
        entry_of(Vote("up"), answers[0]),
        kind="preference",
        answers=said.answers,
        stated=outcome,
        details=json.loads(said.payload),
    )
    (record,) = read_records(lines_of(record_row(entry, answers))).records

    assert (record.kind, record.outcome, record.ranks) == ("preference", outcome, ranks)
    assert (record.reasons, record.comment, record.rating) == (("clear",), "Mm", None)
    assert [judged.answer for judged in record.answers] == [a.answer for a in answers]


@pytest.mark.parametrize("name", VOTES)
def test_our_own_rows_are_the_services_rows(name: str) -> None:
    """What training writes differs from the service's row only in what training does not know."""
    answer = make_record(answer=replace(make_answer(), logprob=None), prompt=make_prompt(history=()))
    row = json.loads(lines_of(record_row(entry_of(VOTES[name], answer), [answer]))[0])
    (record,) = read_records(lines_of(row)).records
    for unknown in ("citations", "model", "request_id", "attributes"):
        del row["answers"][0][unknown]

    assert json.loads(next(write.record_lines([record]))) == row
