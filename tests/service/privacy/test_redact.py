"""Records without personal data: placeholders that keep their place, and answers that go on fitting their passages."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from retrieval.sentences import split_sentences
from service.feedback.export import record_row
from service.feedback.records import Entry
from service.privacy.redact import Redactor
from tests.service.feedback.samples import make_answer, make_passage, make_prompt, make_record
from training.citations.markers import strip_markers
from training.policy.base import Turn
from training.records.checks import Seen
from training.records.row import parse

JANE, HOTLINE = "jane@example.com", "+1 212-555-0199"


def row(text: str = "Often. [1]", *, comment: str = "", correction: str = "", **prompt: Any) -> dict[str, Any]:
    """Make a record of one vote."""
    details = {name: said for name, said in (("comment", comment), ("correction", correction)) if said}
    record = make_record(prompt=make_prompt(**prompt), answer=make_answer(text))
    entry = Entry("1-1", "vote", (record.answer_id,), "prm_1", "key:v", ("base-1",), None, "up", True, None, details)
    return record_row(entry, [record])


def test_the_same_value_has_the_same_name_wherever_a_person_says_it() -> None:
    said = row(
        question=f"I am {JANE}; my colleague is bob@example.com. Who is right?",
        history=(Turn("user", f"bob@example.com and {JANE.upper()} asked"), Turn("assistant", f"Hello {JANE}")),
        instructions=f"The user is {JANE}",
        correction=f"Tell {JANE} and eve@example.com",
        comment="eve@example.com told me",
    )
    clean, taken = Redactor().row(said)
    prompt = clean["prompt"]
    assert prompt["question"] == "I am <EMAIL_1>; my colleague is <EMAIL_2>. Who is right?"
    assert [turn["text"] for turn in prompt["history"]] == ["<EMAIL_2> and <EMAIL_1> asked", "Hello <EMAIL_1>"]
    assert prompt["instructions"] == "The user is <EMAIL_1>"
    assert clean["correction"] == "Tell <EMAIL_1> and <EMAIL_3>"
    assert clean["comment"] == "<EMAIL_3> told me"
    assert taken["email"] == 9
    assert "@" not in json.dumps(clean)


def test_a_row_is_not_changed_in_place_and_without_kinds_nothing_is_taken() -> None:
    said = row(question=f"I am {JANE}", comment=JANE)
    before = copy.deepcopy(said)
    Redactor().row(said)
    assert said == before
    clean, taken = Redactor(kinds=()).row(said)
    assert json.dumps(clean) == json.dumps(said)
    assert not taken


def test_what_the_documents_say_stays_and_the_answer_goes_on_fitting_them() -> None:
    passages = (make_passage(text=f"Call {HOTLINE} for help. It is open at night."),)
    said = row(f"Call {HOTLINE} for help. [1]", question=f"I called {HOTLINE} from {JANE}.", passages=passages)
    clean, taken = Redactor().row(said)
    assert clean["prompt"]["question"] == f"I called {HOTLINE} from <EMAIL_1>."
    assert clean["prompt"]["passages"] == said["prompt"]["passages"]
    assert clean["answers"][0]["text"] == said["answers"][0]["text"]
    assert taken == {"email": 1}


def test_with_passages_both_are_changed_alike() -> None:
    passages = (make_passage(title=f"Ask {JANE}", text=f"Call {HOTLINE} for help. It is open at night."),)
    said = row(f"Call {HOTLINE} for help. [1]", question="Whom do I call?", passages=passages)
    clean, _ = Redactor(passages=True).row(said)
    (passage,), (answer,) = clean["prompt"]["passages"], clean["answers"]
    assert passage["text"] == "Call <PHONE_1> for help. It is open at night."
    assert passage["title"] == "Ask <EMAIL_1>"
    assert answer["text"] == "Call <PHONE_1> for help. [1]"
    assert answer["actions"] == said["answers"][0]["actions"]  # places of sentences: they are where they were


def test_tokens_that_spell_out_what_was_taken_are_dropped() -> None:
    said = row(f"Hello {JANE}. [1]", question=f"I am {JANE}")
    said["answers"][0]["actions"] = (17, 4, 99)  # of a causal policy
    clean, _ = Redactor().row(said)
    assert clean["answers"][0]["text"] == "Hello <EMAIL_1>. [1]"
    assert (clean["answers"][0]["actions"], clean["answers"][0]["logprob"]) == ([], None)
    untouched, _ = Redactor().row(row("Often. [1]", question=f"I am {JANE}"))
    assert untouched["answers"][0]["logprob"] == -1.5


def test_records_of_one_prompt_agree_so_that_training_takes_them_all() -> None:
    one, other = row("Ask eve@example.com. [1]", question=f"I am {JANE}"), row("Bye. [1]", question=f"I am {JANE}")
    both = {
        **one,
        "record_id": "1-3",
        "kind": "preference",
        "outcome": "first",
        "ranks": [1, 2],
        "answers": [*other["answers"], *one["answers"]],
    }
    both.pop("rating")
    other["record_id"] = "1-2"
    seen = Seen()
    for said in (one, other, both):
        clean, _ = Redactor().row(said)
        record = parse(json.dumps(clean).encode())
        seen.join(record)
    assert len(seen.records) == 3


def test_citations_tell_nothing_either() -> None:
    said = row(question=f"I am {JANE}")
    said["answers"][0]["citations"] = [{"number": 1, "content": f"said {JANE}", "score": 0.5, "spans": [[1, 2]]}]
    clean, _ = Redactor().row(said)
    assert clean["answers"][0]["citations"] == [
        {"number": 1, "content": "said <EMAIL_1>", "score": 0.5, "spans": [[1, 2]]}
    ]


@pytest.mark.parametrize("kinds", [("email",), ("email", "phone", "card", "iban", "ip", "national_id")])
def test_what_was_taken_out_is_taken_out_for_good(kinds: tuple[Any, ...]) -> None:
    redactor = Redactor(kinds)
    once = redactor.text(f"{JANE} {HOTLINE} 4111 1111 1111 1111 203.0.113.7")
    assert redactor.text(once) == once
    assert JANE not in once


def test_the_embedded_policy_finds_the_same_sentences_in_the_changed_passages() -> None:
    text = "Mail help@example.com. Call 212-555-0199. Not 203.0.113.7. Pay to DE89 3704 0044 0532 0130 00."
    said = row("Call 212-555-0199. [1]", question="How?", passages=(make_passage(text=text),))
    clean, _ = Redactor(passages=True).row(said)
    passage, answer = clean["prompt"]["passages"][0]["text"], clean["answers"][0]["text"]
    before, after = (tuple(split_sentences(one)) for one in (text, passage))
    assert len(before) == len(after) == 4
    start, end = after[1]
    assert passage[start:end].strip() == strip_markers(answer).strip() == "Call <PHONE_1>."
