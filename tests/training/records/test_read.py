"""Lines that cannot be used, each with the reason; files that cannot be used, each with a typed error."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.datasets.samples import make_preference, make_vote
from training.policy.base import Answer, Prompt, Sampling, ShownPassage, Turn
from training.records.errors import NoRecords
from training.records.limits import Limits
from training.records.read import read_records
from training.records.types import JudgedAnswer, Record
from training.records.write import record_lines, record_row

GOOD = record_row(make_vote("up", "Fine.", prompt_id="good"))
Change = Callable[[dict[str, Any]], object]


def vote(**changes: Any) -> dict[str, Any]:
    """Give the row of a thumb with some fields replaced."""
    return {**record_row(make_vote("up")), **changes}


def preference(**changes: Any) -> dict[str, Any]:
    """Give the row of a preference with some fields replaced."""
    return {**record_row(make_preference((1, 2))), **changes}


def deep(row: dict[str, Any], change: Change) -> dict[str, Any]:
    """Change a row somewhere inside."""
    copy: dict[str, Any] = json.loads(json.dumps(row))
    change(copy)
    return copy


BAD_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown kind": (vote(kind="like"), "kind: input should be 'vote', 'preference' or 'correction'"),
    "withdrawn": (vote(rating="withdrawn"), "rating: the vote was withdrawn, which is not a judgement"),
    "says nothing": (vote(rating="none"), "rating: the vote says nothing"),
    "no answer": (vote(answers=[]), "answers: a vote or a correction is about exactly one answer"),
    "two answers": (
        vote(answers=preference()["answers"]),
        "answers: a vote or a correction is about exactly one answer",
    ),
    "text for a number": (vote(judged_at="now"), "judged_at: input should be a valid number"),
    "milliseconds": (vote(judged_at=1.7e12), "judged_at: must be seconds since the epoch"),
    "null id": (vote(record_id=None), "record_id: input should be a valid string"),
    "empty voter": (vote(voter=""), "record_id, voter and prompt_id must not be empty"),
    "correction without one": (
        vote(kind="correction"),
        "kind: a record is a correction exactly when it has a correction",
    ),
    "correction in a vote": (
        vote(correction="No."),
        "kind: a record is a correction exactly when it has a correction",
    ),
    "score of six": (vote(scores={"helpful": 6}), "scores: they go from 1 to 5"),
    "score under a strange name": (vote(scores={"Top secret!": "5"}), "scores.?: input should be a valid integer"),
    "unknown evidence": (vote(evidence=[["chk_unknown", True]]), "evidence: a marked passage was not shown"),
    "evidence twice": (vote(evidence=[["chk_file-1", True]] * 2), "evidence: a passage is marked twice"),
    "ranks in a vote": (vote(ranks=[1]), "kind: a vote or a correction has no outcome and no ranks"),
    "one answer preferred": (
        preference(answers=preference()["answers"][:1], ranks=[1]),
        "answers: a preference compares at least two answers",
    ),
    "no outcome": (preference(outcome=None), "outcome: a preference needs one"),
    "rated preference": (preference(rating="up"), "kind: a preference has no rating, correction or evidence"),
    "too few ranks": (preference(ranks=[1]), "ranks: 2 answers need 2 ranks"),
    "rank of nine": (preference(outcome="ranked", ranks=[1, 9]), "ranks: 2 answers have ranks from 1 to 2"),
    "contradictory": (preference(ranks=[2, 1]), "ranks: they say something else than outcome"),
    "same answer twice": (
        preference(answers=preference()["answers"][:1] * 2),
        "answers: every answer needs an answer_id of its own",
    ),
    "number twice": (
        deep(vote(), lambda row: row["prompt"]["passages"][1].update(number=1)),
        "prompt.passages: numbers must be distinct and at least 1",
    ),
    "passages as text": (
        deep(vote(), lambda row: row["prompt"].update(passages="secret words")),
        "prompt.passages: input should be a valid array",
    ),
    "too many tokens to be true": (
        deep(vote(), lambda row: row["answers"][0].update(prompt_tokens=10**30)),
        "a number is too large to mean anything",
    ),
    "several things": (
        vote(kind=3, voter=4),
        "kind: input should be 'vote', 'preference' or 'correction' (and 1 more)",
    ),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_line_is_left_out_with_its_reason_and_the_others_stay(name: str) -> None:
    row, reason = BAD_ROWS[name]
    read = read_records([json.dumps(row), json.dumps(GOOD)])

    assert [record.record_id for record in read.records] == [GOOD["record_id"]]
    assert [(bad.line, bad.reason) for bad in read.rejected] == [(1, reason)]
    assert read.refused == 1


LINES: dict[str, tuple[bytes, str]] = {
    "truncated": (json.dumps(GOOD).encode()[:200], "invalid JSON: EOF while parsing"),
    "not JSON": (b"hello world", "invalid JSON: expected"),
    "a list": (b"[1, 2]", "input should be an object"),
    "NaN": (json.dumps(vote(judged_at=math.nan)).encode(), "judged_at: input should be a finite number"),
    "infinite": (b'{"judged_at": 1e999, "x": 1}', "record_id: field required (and"),
    "not UTF-8": (b'{"record_id": "\xff\xfe"}', "not UTF-8 (byte 16 of the line)"),
    "half a character": (b'{"record_id": "\\ud800"}', "invalid JSON: unexpected end of hex escape"),
    "very deep": (b'{"record_id": ' + b"[" * 100_000, "invalid JSON: recursion limit exceeded"),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_that_is_no_json_is_left_out_with_its_reason(name: str) -> None:
    line, reason = LINES[name]
    read = read_records([line, json.dumps(GOOD).encode()])

    assert len(read.records) == 1
    assert read.rejected[0].reason.startswith(reason)


def test_what_is_said_under_a_known_id_must_be_the_same() -> None:
    first = make_vote("up", "Fine.")
    rows = [
        record_row(first),
        record_row(replace(first, rating="down")),
        record_row(replace(first, record_id="r2", prompt=replace(first.prompt, question="Other?"))),
        record_row(replace(first, record_id="r3", answers=(replace(first.answers[0], answer=_other()),))),
        record_row(replace(first, record_id="r4", prompt_id="p2", prompt=replace(first.prompt, question="Other?"))),
        record_row(replace(first, record_id="r5", segment="de", voter="v2")),
    ]
    read = read_records(json.dumps(row) for row in rows)

    assert [record.record_id for record in read.records] == [first.record_id, "r5"]
    assert read.records[1].prompt is read.records[0].prompt
    assert [bad.reason for bad in read.rejected] == [
        "record_id: an earlier line has the same one",
        "prompt_id: an earlier line has another prompt under the same one",
        "answers: an earlier line has another answer under the same answer_id",
        "answers: an earlier line has this answer_id as an answer to another prompt",
    ]


def _other() -> Answer:
    return Answer("Another.", "base-1", "stop", Sampling(), None, 1)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(passages=1), "prompt.passages: 2 where at most 1 are allowed"),
        (Limits(text_chars=20), "text: "),
        (Limits(name_chars=3), "an id or a name: "),
        (Limits(actions=1), "actions: 2 where at most 1 are allowed"),
        (Limits(line_bytes=300), "longer than 300 bytes"),
    ],
)
def test_what_exceeds_a_limit_costs_its_line(limits: Limits, reason: str) -> None:
    small = {**GOOD, "prompt": {**GOOD["prompt"], "passages": []}}
    big = deep(vote(), lambda row: row["answers"][0].update(actions=[1, -1]))
    if limits.line_bytes == 300:
        with pytest.raises(ValueError, match="longer than 300 bytes"):
            read_records([json.dumps(big)], limits)
        return
    with pytest.raises(ValueError, match="none of 1 lines can be used; line 1: " + reason):
        read_records([json.dumps(big)], limits)
    if limits.passages == 1:
        assert read_records([json.dumps(small), json.dumps(big)], limits).refused == 1


def test_unknown_fields_are_ignored_wherever_they_stand() -> None:
    row = deep(
        vote(new="x"),
        lambda row: (
            row["prompt"].update(a=1),
            row["answers"][0].update(b={"c": []}),
            row["prompt"]["passages"][0].update(d=2),
        ),
    )

    assert read_records([json.dumps(row)]).records == read_records([json.dumps(vote())]).records


NAME = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=8)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NUMBER = st.floats(-1e9, 1e9)
SHOWN = st.builds(
    ShownPassage,
    number=st.integers(1, 9),
    chunk_id=NAME,
    document_id=NAME,
    title=TEXT,
    text=TEXT,
    score=NUMBER,
    url=st.none() | TEXT,
    page_start=st.none() | st.integers(0, 9),
    heading_path=st.tuples(TEXT),
)
PROMPTS = st.builds(
    Prompt,
    question=TEXT,
    passages=st.lists(SHOWN, max_size=3, unique_by=lambda passage: passage.number).map(tuple),
    history=st.lists(st.builds(Turn, st.sampled_from(["user", "assistant"]), TEXT), max_size=2).map(tuple),
    segment=st.none() | NAME,
)
ANSWERS = st.builds(
    Answer,
    text=TEXT,
    version=NAME,
    finish_reason=st.sampled_from(["stop", "length", "cancelled", "error"]),
    sampling=st.builds(Sampling, st.floats(0, 2), seed=st.none() | st.integers(0, 9), stop=st.tuples(TEXT)),
    logprob=st.none() | st.floats(-100, 0),
    steps=st.integers(0, 9),
    actions=st.lists(st.integers(-1, 9), max_size=3).map(tuple),
    timings_ms=st.dictionaries(NAME, st.floats(0, 9), max_size=1),
)
JUDGED = st.builds(JudgedAnswer, NAME, ANSWERS, TEXT, st.integers(0, 3), st.floats(0, 1e10))
COMMON = {
    "record_id": NAME,
    "judged_at": st.floats(0, 1e10),
    "voter": NAME,
    "prompt_id": NAME,
    "prompt": PROMPTS,
    "segment": st.none() | NAME,
    "comment": TEXT,
    "source": st.sampled_from(["human", "ai"]),
    "consent": st.booleans(),
    "excluded": TEXT,
    "imported": st.booleans(),
}
RECORDS = st.one_of(
    st.builds(
        Record,
        kind=st.just("vote"),
        rating=st.sampled_from(["up", "down"]),
        scores=st.dictionaries(NAME, st.integers(1, 5), max_size=2),
        reasons=st.lists(NAME, max_size=2).map(tuple),
        answers=st.tuples(JUDGED),
        **COMMON,
    ),
    st.builds(
        Record,
        kind=st.just("preference"),
        outcome=st.just("ranked"),
        ranks=st.tuples(st.integers(1, 2), st.integers(1, 2)),
        answers=st.lists(JUDGED, min_size=2, max_size=2, unique_by=lambda judged: judged.answer_id).map(tuple),
        **COMMON,
    ),
)


@settings(max_examples=150, deadline=None)
@given(RECORDS)
def test_what_is_written_is_read_back(record: Record) -> None:
    assert read_records(record_lines([record])).records == (record,)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=60) | st.just(json.dumps(GOOD).encode()), max_size=6))
def test_no_bytes_do_more_than_be_refused(lines: list[bytes]) -> None:
    usable = any(b"record_id" in line for line in lines)
    if usable:
        assert len(read_records(lines).records) == 1
    else:
        with pytest.raises(NoRecords):
            read_records(lines)
