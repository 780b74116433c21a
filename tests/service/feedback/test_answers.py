"""Answers come back exactly as they were recorded, and what repeats is kept once."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from service.feedback.answers import AnswerRecord
from tests.service.feedback.conftest import Run, Stores
from tests.service.feedback.samples import make_answer, make_passage, make_prompt, make_record
from training.policy.base import Answer, Prompt, Sampling, ShownPassage

SPARSE = AnswerRecord(
    answer_id="ans_sparse",
    prompt=Prompt(question="", passages=(ShownPassage(1, "", "", "", "", 0.0),)),
    answer=Answer("", "", "length", Sampling(), None, 0),
    user="",
    created_at=0.0,
)


@pytest.mark.parametrize(
    "record",
    [
        make_record(),
        make_record(consent=False),
        make_record(prompt=make_prompt(passages=(), segment=None, collections=())),
        make_record(answer=replace(make_answer(), timings_ms=MappingProxyType({"total": 1.0}))),
        SPARSE,
    ],
    ids=["full", "no consent", "no passages", "read-only mapping", "sparse"],
)
def test_an_answer_comes_back_as_it_was_recorded(run: Run[AnswerRecord | None], record: AnswerRecord) -> None:
    async def scenario(stores: Stores) -> AnswerRecord | None:
        await stores.answers.record(record)
        return await stores.answers.get(record.answer_id)

    assert run(scenario) == record


def test_recording_the_same_answer_again_changes_nothing(run: Run[list[int]]) -> None:
    record = make_record()

    async def scenario(stores: Stores) -> list[int]:
        await stores.answers.record(record)
        await stores.answers.record(record)
        client = stores.client
        return [await client.xlen("gl:answers"), len(await stores.answers.of_prompt(record.prompt_id))]

    assert run(scenario) == [1, 1]


def test_answers_to_one_prompt_share_it_and_prompts_share_passages(run: Run[list[int]]) -> None:
    first, second = make_record("One."), make_record("Two.", position=2)
    other = make_record(prompt=make_prompt(question="Why?", passages=(make_passage(score=0.1),)))

    async def scenario(stores: Stores) -> list[int]:
        await stores.answers.record_all([first, second])
        await stores.answers.record(other)
        assert await stores.answers.get_many([other.answer_id, first.answer_id, "ans_none"]) == {
            first.answer_id: first,
            other.answer_id: other,
        }
        assert await stores.answers.of_prompt(first.prompt_id) == [first.answer_id, second.answer_id]
        return [len(await stores.client.keys(f"gl:{kind}:*")) for kind in ("answer", "prompt", "passage")]

    assert run(scenario) == [3, 4, 2]  # each prompt is a string and a list


def test_one_asker_is_never_given_the_prompt_of_another() -> None:
    assert make_record(user="key:a").prompt_id != make_record(user="key:b").prompt_id
    assert make_record(user="key:a").prompt_id == make_record("Else.", user="key:a").prompt_id


def test_unknown_answers_are_none(run: Run[AnswerRecord | None]) -> None:
    assert run(lambda stores: stores.answers.get("ans_none")) is None


def test_answers_recorded_together_must_share_their_prompt(run: Run[None]) -> None:
    records = [make_record(), make_record(user="key:b")]
    with pytest.raises(ValueError, match="share one prompt"):
        run(lambda stores: stores.answers.record_all(records))
