"""A window learned for some: their judgements weigh more, and nothing is lost or made."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.datasets.samples import NOW, make_shown, make_vote
from training.datasets.build import build_examples
from training.datasets.config import DatasetConfig
from training.datasets.evidence import evidence_marks
from training.datasets.focus import Focus, focus_factors
from training.records.types import Record

CONFIG = DatasetConfig(half_life_days=None)
NORTH = Focus("segment", "north")


def votes(count: int, segment: str | None, *, by: str = "", **changes: object) -> list[Record]:
    return [
        make_vote(
            "up" if number % 2 else "down",
            voter=by or f"{segment}-{number}",
            prompt_id=f"{segment}-{by}{number}",
            prompt=make_shown(f"{segment}{by}{number}?", segment=segment, collections=("vs_1",)),
            segment=segment,
            **changes,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("scope", ["segment:north", "collection:vs_1", "segment:a:b"])
def test_a_focus_is_read_as_it_is_written(scope: str) -> None:
    assert str(Focus.of(scope)) == scope


@pytest.mark.parametrize("scope", ["", "segment", "segment:", "team:x"])
def test_what_is_no_scope_is_refused(scope: str) -> None:
    with pytest.raises(ValueError, match="segment:<name>"):
        Focus.of(scope)
    assert Focus.of("shared") is None


def test_it_holds_the_prompts_of_its_users_or_documents() -> None:
    prompt = make_shown("q?", segment="north", collections=("vs_1", "vs_2"))
    assert NORTH.holds(prompt)
    assert Focus("collection", "vs_2").holds(prompt)
    assert not Focus("segment", "vs_2").holds(prompt)
    assert not NORTH.holds(replace(prompt, segment=None))


@given(st.lists(st.tuples(st.floats(0.01, 10), st.booleans()), min_size=1), st.floats(1, 20))
def test_the_ratio_holds_and_the_total_stays(weighed: list[tuple[float, bool]], ratio: float) -> None:
    weights, inside = [w for w, _ in weighed], [one for _, one in weighed]
    ours, others = focus_factors(weights, inside, ratio)
    total = sum(weight * (ours if one else others) for weight, one in weighed)
    assert total == pytest.approx(sum(weights))
    if any(inside) and not all(inside):
        assert ours / others == pytest.approx(ratio)


def test_judgements_of_the_segment_weigh_more() -> None:
    records = [*votes(10, "north"), *votes(30, "south")]
    plain = build_examples(records, CONFIG, now=NOW)
    built = build_examples(records, CONFIG, now=NOW, focus=NORTH)
    assert "focus" not in plain.card.factors
    assert plain.card.segments == pytest.approx({"north": 0.25, "south": 0.75})
    assert built.card.segments == pytest.approx({"north": 4 / 7, "south": 3 / 7})
    assert built.card.total_weight == pytest.approx(plain.card.total_weight)
    assert built.card.factors["focus"].most == pytest.approx(4 * built.card.factors["focus"].least)


def test_the_cap_on_a_voter_comes_first() -> None:
    records = [*votes(40, "north", by="loud"), *votes(8, "north"), *votes(40, "south")]
    built = build_examples(records, CONFIG, now=NOW, focus=NORTH)
    weight = {"loud": 0.0, "quiet": 0.0}
    for example in built.examples:
        if example.segment == "north":
            for thumb in example.thumbs:
                weight["loud" if thumb.voter == "loud" else "quiet"] += thumb.weight
    assert weight["loud"] / weight["quiet"] == pytest.approx(5 / 8)  # cap_floor against eight voters with one each


def test_marks_on_passages_too() -> None:
    records = [
        record for segment in ("north", "south") for record in votes(3, segment, evidence=(("chk_file-1", False),))
    ]
    marks = evidence_marks(records, CONFIG, now=NOW, focus=NORTH)
    weights = {mark.prompt.segment: mark.weight for mark in marks}
    assert weights["north"] == pytest.approx(4 * (weights["south"] or 0))
    assert sum(mark.weight for mark in marks) == pytest.approx(6)


def test_a_focus_that_would_turn_it_around_is_refused() -> None:
    with pytest.raises(ValueError, match="focus_weight"):
        DatasetConfig(focus_weight=0.5)
