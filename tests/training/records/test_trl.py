"""TRL's files in and out; out is compared with what the service itself writes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.feedback.export import dpo_rows, kto_rows, record_row
from service.feedback.records import Preference, Vote
from tests.service.feedback.samples import make_record
from tests.training.datasets.samples import NOW
from tests.training.records.test_contract import entry_of, lines_of
from training.datasets.build import build_examples
from training.datasets.config import DatasetConfig
from training.policy.base import Prompt, Turn
from training.policy.prompting import build_messages
from training.records.errors import NoRecords
from training.records.read import ReadRecords, read_records
from training.records.trl import read_trl, write_dpo, write_kto

CONFIG = DatasetConfig(half_life_days=None)


def user(text: str) -> dict[str, str]:
    """Write a user's message."""
    return {"role": "user", "content": text}


def model(text: str) -> dict[str, str]:
    """Write an assistant's message."""
    return {"role": "assistant", "content": text}


def read(tmp_path: Path, *rows: object) -> ReadRecords:
    """Read rows from a file."""
    path = tmp_path / "trl.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_trl(path, judged_at=NOW)


PAIRS: dict[str, tuple[dict[str, Any], Prompt]] = {
    "text": ({"prompt": "Why?", "chosen": "A", "rejected": "B"}, Prompt("Why?", ())),
    "messages": (
        {"prompt": [user("Why?")], "chosen": [model("A")], "rejected": [model("B")]},
        Prompt("Why?", ()),
    ),
    "conversation": (
        {
            "prompt": [{"role": "system", "content": "Short."}, user("Hi"), model("Hello"), user("Why?")],
            "chosen": [model("A")],
            "rejected": [model("B")],
        },
        Prompt("Why?", (), (Turn("user", "Hi"), Turn("assistant", "Hello")), instructions="Short."),
    ),
    "messages without a prompt": (
        {"chosen": [user("Why?"), model("A")], "rejected": [user("Why?"), model("B")]},
        Prompt("Why?", ()),
    ),
    "text without a prompt": ({"chosen": "Why? A", "rejected": "Why? B"}, Prompt("Why?", ())),
    "turns marked in the text": (
        {"chosen": "Human: Why?\n\nAssistant: A", "rejected": "Human: Why?\n\nAssistant: B"},
        Prompt("Human: Why?\n\nAssistant:", ()),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_becomes_a_preference_without_voter_order_or_passages(tmp_path: Path, name: str) -> None:
    row, prompt = PAIRS[name]
    (record,) = read(tmp_path, row).records

    assert record.prompt == prompt
    assert [judged.answer.text for judged in record.answers] == ["A", "B"]
    assert (record.kind, record.outcome, record.imported, record.judged_at) == ("preference", "first", True, NOW)
    (example,) = build_examples([record], CONFIG, now=NOW).examples
    assert [(pair.outcome, pair.origin, pair.ordered) for pair in example.pairs] == [("first", "imported", False)]


@pytest.mark.parametrize("before", ["Why not?", "Human: Why?\n\nAssistant: Well,"])
def test_answers_that_begin_alike_are_not_cut_inside_a_word(tmp_path: Path, before: str) -> None:
    (record,) = read(tmp_path, {"chosen": f"{before} Being kind", "rejected": f"{before} Because"}).records
    kept = "Well, " if "Well" in before else ""

    assert [judged.answer.text for judged in record.answers] == [f"{kept}Being kind", f"{kept}Because"]


@pytest.mark.parametrize("label", [True, False])
def test_a_label_becomes_a_thumb(tmp_path: Path, label: bool) -> None:
    (record,) = read(tmp_path, {"prompt": "Why?", "completion": "A", "label": label}).records

    assert (record.kind, record.rating) == ("vote", "up" if label else "down")
    (example,) = build_examples([record], CONFIG, now=NOW).examples
    assert [thumb.up for thumb in example.thumbs] == [label]
    assert not example.pairs


def test_rows_about_one_prompt_meet_in_one_example(tmp_path: Path) -> None:
    rows = [{"prompt": "Why?", "chosen": a, "rejected": b} for a, b in (("A", "B"), ("A", "C"))]
    (example,) = build_examples(read(tmp_path, *rows).records, CONFIG, now=NOW).examples

    assert len(example.answers) == 3
    assert len(example.pairs) == 2


def test_thumbs_of_unknown_voters_are_never_put_together(tmp_path: Path) -> None:
    rows = [{"prompt": "Why?", "completion": text, "label": text == "A"} for text in ("A", "B", "B")]
    found = read(tmp_path, *rows)
    (example,) = build_examples(found.records, CONFIG, now=NOW).examples

    assert (len(example.thumbs), example.pairs) == (2, ())
    assert [(bad.line, bad.reason) for bad in found.rejected] == [(3, "an earlier line says the same")]


BAD = {
    "no answer": ({"prompt": "Why?", "chosen": "A"}, "rejected: field required"),
    "a number": ({"prompt": "Why?", "chosen": "A", "rejected": 3}, "rejected.str: input should be a valid string"),
    "text and messages": ({"chosen": "A", "rejected": [model("B")]}, "chosen and rejected: both as text or both"),
    "the same": ({"prompt": "Why?", "chosen": "A", "rejected": "A"}, "chosen and rejected are the same"),
    "nothing alike": ({"chosen": "A", "rejected": "B"}, "prompt: there is none"),
    "an empty answer": ({"prompt": "Why?", "chosen": " ", "rejected": "B"}, "an answer is empty"),
    "two messages": (
        {"prompt": "Why?", "chosen": [model("A"), user("B")], "rejected": [model("B")]},
        "an answer must be one message of the assistant",
    ),
    "prefilled": (
        {"prompt": [model("A")], "chosen": [model("A")], "rejected": [model("B")]},
        "prompt: its last message must be the user's",
    ),
    "a label of words": ({"prompt": "Why?", "completion": "A", "label": "good"}, "label: input should be a valid bool"),
    "a list": ([1], "input should be"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_left_out_with_its_reason(tmp_path: Path, name: str) -> None:
    row, reason = BAD[name]
    found = read(tmp_path, row, PAIRS["text"][0])

    assert len(found.records) == 1
    assert found.rejected[0].reason.startswith(reason)


def test_a_file_of_something_else_says_what_would_be_right(tmp_path: Path) -> None:
    with pytest.raises(NoRecords, match="with prompt, chosen and rejected, or with prompt, completion and label"):
        read(tmp_path, {"text": "A"})


def test_out_is_what_the_service_writes() -> None:
    a, b = make_record("A"), make_record("B")
    said = Preference((a.answer_id, b.answer_id), "second", (2, 1))
    entries = [
        entry_of(Vote("up", correction="Better."), a, "1700000000001-0"),
        entry_of(Vote("down"), b, "1700000000002-0"),
    ]
    preference = entry_of(Vote("up"), a, "1700000000003-0")
    preference = replace(
        preference,
        kind="preference",
        answers=said.answers,
        stated="second",
        details=json.loads(said.payload),
        voter="key:w",
    )
    answers = {a.answer_id: a, b.answer_id: b}
    log = [*entries, preference]
    lines = lines_of(*(record_row(entry, [answers[name] for name in entry.answers]) for entry in log))
    built = build_examples(read_records(lines).records, CONFIG, now=NOW)
    dpo = [
        *dpo_rows(entries[0], answers, ()),
        *dpo_rows(entries[1], answers, [entries[0]]),
        *dpo_rows(preference, answers, ()),
    ]
    kto = [*kto_rows(entries[0], a), *kto_rows(entries[1], b)]

    def same(rows: Any) -> list[str]:
        return sorted(json.dumps(row, sort_keys=True) for row in rows)

    assert same(write_dpo(built.examples)) == same(dpo)
    assert same(write_kto(built.examples)) == same(kto)


def test_what_was_written_can_be_read_again_without_its_rules_twice(tmp_path: Path) -> None:
    record = make_record("A").prompt
    messages = build_messages(record)
    (again,) = read(tmp_path, {"prompt": messages, "chosen": [model("A")], "rejected": [model("B")]}).records

    assert again.prompt.instructions == record.instructions
    assert build_messages(again.prompt)[0] == messages[0]
    assert again.prompt.history == record.history
