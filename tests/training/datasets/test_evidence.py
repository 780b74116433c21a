"""Marks on passages: for retrieval, under the rules of the examples."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.training.datasets.samples import DAY_S, NOW, make_preference, make_vote
from training.datasets.config import DatasetConfig
from training.datasets.evidence import EvidenceMark, evidence_marks
from training.records.types import Record

CONFIG = DatasetConfig(half_life_days=None)


def marks(*records: Record, config: DatasetConfig = CONFIG) -> tuple[EvidenceMark, ...]:
    """Collect with age left out."""
    return evidence_marks(records, config, now=NOW)


def test_marks_count_in_full_with_or_without_a_thumb() -> None:
    record = make_vote(None, evidence=(("chk_file-1", False), ("chk_file-2", True)))

    assert [(mark.chunk_id, mark.relevant, mark.weight, mark.voter, mark.implied) for mark in marks(record)] == [
        ("chk_file-1", False, 1.0, "v1", False),
        ("chk_file-2", True, 1.0, "v1", False),
    ]
    assert marks(record)[0].prompt == record.prompt


@pytest.mark.parametrize(
    ("rating", "reason", "relevant"), [("down", "wrong_source", False), ("up", "good_sources", True)]
)
def test_a_reason_about_sources_means_what_the_answer_cites(rating: str, reason: str, relevant: bool) -> None:
    found = marks(make_vote(rating, "Yes. [2]", reasons=(reason,)))

    assert [(mark.chunk_id, mark.relevant, mark.weight, mark.implied) for mark in found] == [
        ("chk_file-2", relevant, 0.25, True)
    ]


def test_marks_go_before_what_a_reason_means() -> None:
    found = marks(make_vote("down", "Yes. [2]", reasons=("wrong_source",), evidence=(("chk_file-1", False),)))

    assert [(mark.chunk_id, mark.implied) for mark in found] == [("chk_file-1", False)]


@pytest.mark.parametrize(
    "record",
    [
        make_vote("down"),
        make_vote("down", "Yes.", reasons=("wrong_source",)),
        make_vote("up", reasons=("wrong_source",)),
        make_vote("down", reasons=("wrong_source", "good_sources")),
        make_preference((1, 2), reasons=("wrong_source",)),
        make_vote("down", evidence=(("chk_file-1", False),), consent=False),
        make_vote("down", evidence=(("chk_file-1", False),), excluded="spam"),
    ],
)
def test_what_says_nothing_about_passages_gives_no_mark(record: Record) -> None:
    assert marks(record) == ()


def test_the_later_word_stands_and_nobody_exceeds_the_cap() -> None:
    records = [
        make_vote(None, voter="busy", prompt_id=f"p{number}", evidence=(("chk_file-1", True),)) for number in range(50)
    ]
    again = replace(records[0], record_id="later", judged_at=NOW - DAY_S / 2, evidence=(("chk_file-1", False),))
    found = marks(*records, again)

    assert len(found) == 50
    assert [mark.relevant for mark in found].count(False) == 1
    assert sum(mark.weight for mark in found) == pytest.approx(5.0)
