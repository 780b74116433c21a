"""Markers in every form a model writes them, and none where there is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.citations.markers import strip_markers, take_apart, unmarked_spans


@pytest.mark.parametrize(
    ("written", "tidied"),
    [
        ("Water boils [1].", "Water boils [1]."),
        ("Water boils.[1][2]", "Water boils. [1][2]"),
        ("Water boils [1] [2].", "Water boils [1][2]."),
        ("Water boils [1, 2].", "Water boils [1][2]."),
        ("Water boils [1; 3].", "Water boils [1][3]."),
        ("Water boils [1-3].", "Water boils [1][2][3]."),
        ("Water boils 【1】.", "Water boils [1]."),
        ("Water boils 【2†source】.", "Water boils [2]."),
        ("Water boils [^1].", "Water boils [1]."),
        ("Water boils [1, 1].", "Water boils [1]."),
        ("Water boils [9].", "Water boils."),
        ("Water boils [9][2].", "Water boils [2]."),
        ("Water boils [1, 9].", "Water boils [1]."),
        ("See [1](https://example.org) and [2020].", "See [1](https://example.org) and [2020]."),
        ("Use `a[1]` here [2].", "Use `a[1]` here [2]."),
        ("```\nx = a[1]\n```\nDone [3].", "```\nx = a[1]\n```\nDone [3]."),
        ("", ""),
    ],
)
def test_markers_are_written_one_way(written: str, tidied: str) -> None:
    assert take_apart(written, {1, 2, 3}).text == tidied


def test_dropped_numbers_are_reported() -> None:
    assert take_apart("A [7] b [1][8].", {1}).dropped == (7, 8)


def test_reference_numbers_of_a_source_are_stripped() -> None:
    assert strip_markers("Mice [12, 13] were bred [14].") == "Mice were bred."


_PIECES = st.lists(
    st.one_of(
        st.text(alphabet="ab. \n`é", max_size=6),
        st.sampled_from(["[1]", "[2]", " [3]", "[1, 2]", "【4】", "[99]", "[", "]"]),
    ),
    max_size=12,
).map("".join)


@given(_PIECES)
def test_every_marker_stands_where_it_says(text: str) -> None:
    marked = take_apart(text, {1, 2, 3})
    for marker in marked.markers:
        assert marked.text[marker.start : marker.end] == f"[{marker.number}]"
    assert len(marked.to_text) == len(marked.plain) + 1
    for at, character in enumerate(marked.plain):
        assert marked.text[marked.to_text[at]] == character
    assert list(marked.to_text) == sorted(marked.to_text)


@given(_PIECES)
def test_tidying_twice_changes_nothing(text: str) -> None:
    once = take_apart(text, {1, 2, 3})
    again = take_apart(once.text, {1, 2, 3})
    if "`" not in text:
        assert again.text == once.text
        assert [m.number for m in again.markers] == [m.number for m in once.markers]


@given(_PIECES)
def test_unmarked_spans_are_in_order_and_inside(text: str) -> None:
    ends = [0, *(edge for span in unmarked_spans(text) for edge in span)]
    assert ends == sorted(ends)
    assert ends[-1] == len(text)
