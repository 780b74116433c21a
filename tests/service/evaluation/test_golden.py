"""The golden set in the home folder: whole or not at all, and what of it the gate can ask."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from service.evaluation.golden import BySetting, drop_set, golden_path, put_set, read_set, with_passages
from service.settings import Settings, load_settings
from tests.service.evaluation.world import content_of, line, many
from training.evaluation.golden import GoldenError, parse_golden

SHOWN = [{"text": "There are 30 days.", "document_id": "d1", "filename": "hr.pdf", "page": 3, "score": 0.5}]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path / "home")


def test_a_set_is_kept_replaced_and_deleted(settings: Settings) -> None:
    assert (read_set(settings).source, read_set(settings).sha256) == ("none", None)
    first = put_set(settings, many(3))
    assert (first.source, len(first.questions)) == ("uploaded", 3)
    assert read_set(settings) == first
    assert stat.S_IMODE(golden_path(settings).stat().st_mode) == 0o600
    second = put_set(settings, many(2))
    assert (len(second.questions), second.sha256 != first.sha256) == (2, True)
    drop_set(settings)
    drop_set(settings)
    assert read_set(settings).source == "none"


def test_what_is_wrong_changes_nothing(settings: Settings) -> None:
    kept = put_set(settings, many(1))
    with pytest.raises(GoldenError) as caught:
        put_set(settings, b'{"question": "a"}\n{"questoin": "b"}\n\xff\n')
    assert [number for number, _ in caught.value.problems] == [2, 3]
    assert read_set(settings) == kept


def test_a_setting_goes_first(settings: Settings, tmp_path: Path) -> None:
    named = settings.model_copy(update={"golden_set": tmp_path / "mine.jsonl"})
    missing = read_set(named)
    assert (missing.source, missing.questions) == ("setting", ())
    assert "is not there" in missing.problem
    (tmp_path / "mine.jsonl").write_bytes(many(2))
    assert (read_set(named).source, len(read_set(named).questions)) == ("setting", 2)
    with pytest.raises(BySetting):
        put_set(named, many(1))
    with pytest.raises(BySetting):
        drop_set(named)
    (tmp_path / "mine.jsonl").write_bytes(b"{}")
    assert "question" in read_set(named).problem


def test_questions_get_the_passages_that_were_found(settings: Settings) -> None:
    own = [{"text": "Its own."}]
    content = content_of(line("a?", id="a"), line("b?", id="b", passages=own), line("c?", id="c"))
    filled = parse_golden(with_passages(content, {"a": SHOWN, "b": SHOWN, "c": []}), Path("golden.jsonl"))
    assert [one.passages[0].text if one.passages else None for one in filled] == [
        "There are 30 days.",
        "Its own.",
        None,
    ]
    assert filled[0].passages is not None
    assert (filled[0].passages[0].page_start, filled[0].passages[0].filename) == (3, "hr.pdf")


def test_a_passage_that_no_golden_file_can_hold_costs_nothing() -> None:
    assert with_passages(many(1), {"q0": [{"text": ""}]}) == many(1)


@limits(deadline=None, max_examples=50)
@given(content=st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_nonsense_is_refused_or_read_never_a_crash(content: bytes) -> None:
    try:
        read = parse_golden(content, Path("golden.jsonl"))
    except GoldenError:
        return
    assert parse_golden(with_passages(content, {}), Path("golden.jsonl")) == read
