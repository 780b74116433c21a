"""What is found, and what is rightly left alone."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.privacy.patterns import KINDS, Kind, find
from service.settings import RedactKind, load_settings
from tests.service.privacy.personal import CASES, Case

REGIONS = load_settings().redact_regions
FINDABLE = CASES[:-3]


def pieces(text: str) -> list[tuple[Kind, str]]:
    """Find, as written."""
    return [(one.kind, text[one.start : one.end]) for one in find(text, KINDS, REGIONS)]


@pytest.mark.parametrize("case", FINDABLE, ids=lambda case: case[0])
def test_finds_what_has_a_form_and_nothing_else(case: Case) -> None:
    text, personal = case
    assert pieces(text) == list(personal)


@pytest.mark.parametrize("case", CASES[-3:], ids=lambda case: case[0])
def test_what_is_out_of_reach_is_known(case: Case) -> None:
    assert pieces(case[0]) == []


def test_settings_name_the_same_kinds() -> None:
    assert get_args(RedactKind) == KINDS


@pytest.mark.parametrize(
    ("kind", "spellings"),
    [
        ("phone", ("+1 212 555 0199", "(212) 555-0199", "212.555.0199")),
        ("card", ("4111111111111111", "4111-1111-1111-1111")),
        ("iban", ("DE89370400440532013000", "de89 3704 0044 0532 0130 00")),
        ("email", ("Jane@Example.com", "jane@example.com")),
        ("ip", ("2001:db8:0:0:0:0:0:1", "2001:0db8::0:1")),
    ],
)
def test_spellings_of_one_value_are_one_value(kind: Kind, spellings: tuple[str, ...]) -> None:
    values = {one.value for spelling in spellings for one in find(f"Call {spelling} now", [kind], REGIONS)}
    assert len(values) == 1


def test_only_what_is_asked_for() -> None:
    text = "jane@example.com, 203.0.113.7"
    assert [one.kind for one in find(text, ["ip"])] == ["ip"]
    assert find(text, []) == []


@given(st.text(max_size=300))
def test_any_text_is_read_and_places_are_right(text: str) -> None:
    found = find(text, KINDS, REGIONS)
    ends = [0]
    for one in found:
        assert ends[-1] <= one.start < one.end <= len(text)
        ends.append(one.end)


@pytest.mark.parametrize(
    "text",
    ["a" * 20_000, "1" * 20_000, "1 " * 4_000, "a." * 10_000 + "@", "@" * 20_000, "+1" * 4_000, "1.1" * 2_500]
    + [":" * 20_000, "DE89 " * 2_000, "a@" + "b." * 10_000, "4111-" * 2_000],
    ids=lambda text: text[:6],
)
def test_hostile_texts_do_not_hold_it_up(text: str) -> None:
    find(text, KINDS, REGIONS)  # what grows with the square of the length meets the limit of every test


def scores() -> dict[Kind, tuple[int, int, int]]:
    """Give (found rightly, found wrongly, missed) of each kind on the cases."""
    right, wrong, missed = Counter[Kind](), Counter[Kind](), Counter[Kind]()
    for text, personal in CASES:
        found = Counter(pieces(text))
        wanted = Counter(personal)
        for (kind, _), count in (found & wanted).items():
            right[kind] += count
        for (kind, _), count in (found - wanted).items():
            wrong[kind] += count
        for (kind, _), count in (wanted - found).items():
            missed[kind] += count
    return {kind: (right[kind], wrong[kind], missed[kind]) for kind in KINDS}


if __name__ == "__main__":
    for kind, (right, wrong, missed) in scores().items():
        print(f"| {kind} | {right} | {wrong} | {missed} |")
