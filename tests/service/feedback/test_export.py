"""Exported rows against what was really said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.feedback import export as export_module
from service.feedback.answers import AnswerRecord
from service.feedback.export import ExportFormat, FeedbackExport
from service.feedback.records import Preference, Vote
from service.privacy.consent import Consents
from tests.service.feedback.conftest import Run, Stores
from tests.service.feedback.samples import make_answer, make_prompt, make_record
from training.policy.prompting import build_messages

ME, OTHER = "key:asker", "key:other"


async def _rows(stores: Stores, format: ExportFormat, **bounds: float) -> list[dict[str, Any]]:
    export = FeedbackExport(stores.log, stores.answers)
    text = b"".join([piece async for piece in export.lines(format, **bounds)])
    return [json.loads(line) for line in text.splitlines()]


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


async def _vote(stores: Stores, record: AnswerRecord, vote: Vote, voter: str = ME) -> None:
    await stores.log.vote(record.answer_id, vote, voter=voter, allowed=True)


async def _fill(stores: Stores) -> dict[str, AnswerRecord]:
    """Say one of everything."""
    siblings = {text: make_record(text) for text in ("A", "B", "C")}
    private = make_record("Private", consent=False, prompt=make_prompt(question="Mine?"))
    alone = make_record("Alone", prompt=make_prompt(question="Alone?"))
    await stores.answers.record_all(list(siblings.values()))
    await stores.answers.record(private)
    await stores.answers.record(alone)
    a, b, c = siblings.values()
    await _vote(stores, a, Vote("down"))  # replaced below
    await _vote(stores, a, Vote("up", scores={"helpful": 5}))
    await _vote(stores, b, Vote("down", reasons=("wrong_source",), evidence=(("chk_8", False),)))
    await _vote(stores, c, Vote("down"), voter=OTHER)  # not a pair with what somebody else thinks
    await _vote(stores, private, Vote("up"))
    await _vote(stores, alone, Vote("up"))
    await _vote(stores, alone, Vote())  # withdrawn
    await _vote(stores, alone, Vote(correction="Better."), voter=OTHER)
    ids = (a.answer_id, b.answer_id, c.answer_id)
    await stores.log.prefer(Preference(ids, "ranked", (2, 1, 2)), voter=ME)
    await stores.log.prefer(Preference(ids[:2], "tie", (1, 1)), voter=ME)
    await stores.log.prefer(Preference(ids[1:], "both_bad", (1, 1)), voter=ME)
    return {**siblings, "Private": private, "Alone": alone}


def test_kto_rows_are_the_thumbs_that_stand(run: Run[list[dict[str, Any]]]) -> None:
    async def scenario(stores: Stores) -> list[dict[str, Any]]:
        await _fill(stores)
        return await _rows(stores, "kto")

    prompt = build_messages(make_prompt())
    assert run(scenario) == [
        {"prompt": prompt, "completion": _said("A"), "label": True},
        {"prompt": prompt, "completion": _said("B"), "label": False},
        {"prompt": prompt, "completion": _said("C"), "label": False},
    ]


@pytest.mark.parametrize("batch", [1, 100])
def test_dpo_rows_are_the_pairs_that_were_expressed(
    run: Run[list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(export_module, "BATCH_ENTRIES", batch)

    async def scenario(stores: Stores) -> list[dict[str, Any]]:
        await _fill(stores)
        return await _rows(stores, "dpo")

    shared, alone = build_messages(make_prompt()), build_messages(make_prompt(question="Alone?"))
    assert run(scenario) == [
        {"prompt": shared, "chosen": _said("A"), "rejected": _said("B")},  # thumbs of one voter
        {"prompt": alone, "chosen": _said("Better."), "rejected": _said("Alone")},  # correction
        {"prompt": shared, "chosen": _said("B"), "rejected": _said("A")},  # ranking 2, 1, 2
        {"prompt": shared, "chosen": _said("B"), "rejected": _said("C")},
    ]


def test_records_hold_everything_that_was_known(run: Run[list[dict[str, Any]]]) -> None:
    filled: dict[str, AnswerRecord] = {}

    async def scenario(stores: Stores) -> list[dict[str, Any]]:
        filled.update(await _fill(stores))
        return await _rows(stores, "records")

    rows = run(scenario)
    assert [(row["kind"], row.get("rating") or row.get("outcome"), row["voter"]) for row in rows] == [
        ("vote", "up", ME),
        ("vote", "down", ME),
        ("vote", "down", OTHER),
        ("correction", "none", OTHER),
        ("preference", "ranked", ME),
        ("preference", "tie", ME),
        ("preference", "both_bad", ME),
    ]
    marked = rows[1]
    assert marked["evidence"] == [["chk_8", False]]
    assert marked["prompt"]["question"] == "How often? ☂"
    assert marked["prompt"]["passages"][1]["text"] == "With soap."
    (answer,) = marked["answers"]
    expected = make_answer("B")
    assert answer["answer_id"] == filled["B"].answer_id
    assert (answer["text"], answer["version"], answer["logprob"], answer["steps"]) == ("B", "base-1", -1.5, 2)
    assert answer["sampling"]["temperature"] == expected.sampling.temperature
    assert answer["actions"] == [3, -1]
    assert answer["user"] == ME
    assert [answer["text"] for answer in rows[4]["answers"]] == ["A", "B", "C"]
    assert rows[4]["ranks"] == [2, 1, 2]


def test_an_erased_answer_leaves_its_judgements_out(run: Run[list[dict[str, Any]]]) -> None:
    async def scenario(stores: Stores) -> list[dict[str, Any]]:
        filled = await _fill(stores)
        await stores.client.delete(f"gl:answer:{filled['A'].answer_id}")
        return [row for format in ("records", "dpo", "kto") for row in await _rows(stores, format)]

    rows = json.dumps(run(scenario))
    assert '"content": "A"' not in rows
    assert '"text": "A"' not in rows
    assert '"content": "B"' in rows


def test_time_bounds_choose_by_when_it_was_said(run: Run[Any]) -> None:
    async def scenario(stores: Stores) -> list[list[dict[str, Any]]]:
        await _fill(stores)
        return [await _rows(stores, "records", since=4e9), await _rows(stores, "records", until=1.0)]

    assert run(scenario) == [[], []]


def test_whoever_takes_back_consent_is_left_out(run: Run[None]) -> None:
    async def exported(stores: Stores) -> list[str]:
        consents = Consents(stores.client)
        export = FeedbackExport(stores.log, stores.answers, consents=consents)
        text = b"".join([piece async for piece in export.lines("records")])
        return [json.loads(line)["voter"] for line in text.splitlines()]

    async def scenario(stores: Stores) -> None:
        record = make_record(user=ME)
        await stores.answers.record(record)
        await _vote(stores, record, Vote("up"))
        await _vote(stores, record, Vote("down"), voter=OTHER)
        assert await exported(stores) == [ME, OTHER]
        await Consents(stores.client).put(OTHER, training=False)
        assert await exported(stores) == [ME]
        await Consents(stores.client).put(OTHER, training=True)
        await Consents(stores.client).put(ME, training=False)
        assert await exported(stores) == []  # what is judged is the asker's question

    run(scenario)
