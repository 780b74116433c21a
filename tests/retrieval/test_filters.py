"""Filters: the whole of OpenAI's shape, and every way to get it wrong."""

from __future__ import annotations

from typing import Any

import pytest

from retrieval.errors import InvalidInput
from retrieval.filters import MAX_DEPTH, matches, parse_filter
from retrieval.types import Attributes

DOCUMENT: Attributes = {"year": 2021.0, "region": "eu", "public": True}


def comparison(kind: str, key: str, value: Any) -> dict[str, Any]:
    return {"type": kind, "key": key, "value": value}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (comparison("eq", "region", "eu"), True),
        (comparison("eq", "region", "us"), False),
        (comparison("eq", "year", 2021), True),
        (comparison("eq", "public", True), True),
        (comparison("eq", "public", 1), False),  # a flag is not a number
        (comparison("eq", "absent", "x"), False),
        (comparison("ne", "region", "us"), True),
        (comparison("ne", "absent", "x"), True),
        (comparison("gt", "year", 2020), True),
        (comparison("gt", "year", 2021), False),
        (comparison("gte", "year", 2021), True),
        (comparison("lt", "year", 2021), False),
        (comparison("lte", "year", 2021), True),
        (comparison("gt", "region", "a"), True),
        (comparison("gt", "region", 1), False),  # texts and numbers have no order between them
        (comparison("lt", "absent", 1), False),
        (comparison("gt", "public", 0), False),
        (comparison("in", "region", ["us", "eu"]), True),
        (comparison("in", "region", ["us"]), False),
        (comparison("nin", "region", ["us"]), True),
        (comparison("nin", "absent", ["us"]), True),
    ],
)
def test_comparisons(condition: dict[str, Any], expected: bool) -> None:
    assert matches(parse_filter(condition), DOCUMENT) is expected


def test_compounds_nest() -> None:
    eu, us = comparison("eq", "region", "eu"), comparison("eq", "region", "us")
    both = {"type": "and", "filters": [eu, {"type": "or", "filters": [us, comparison("lt", "year", 2022)]}]}
    assert matches(parse_filter(both), DOCUMENT)
    assert not matches(parse_filter({"type": "and", "filters": [eu, us]}), DOCUMENT)
    assert matches(parse_filter({"type": "or", "filters": [eu, us]}), DOCUMENT)


def test_equal_filters_are_equal_keys() -> None:
    assert hash(parse_filter(comparison("in", "a", [1, 2]))) == hash(parse_filter(comparison("in", "a", [1, 2])))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("eq", "an object"),
        ({}, "'type' must be one of"),
        ({"type": "like", "key": "a", "value": 1}, "'type' must be one of"),
        ({"type": "eq", "value": 1}, "'key'"),
        ({"type": "eq", "key": 7, "value": 1}, "'key'"),
        ({"type": "eq", "key": "a"}, "a text, a finite number"),
        ({"type": "eq", "key": "a", "value": [1]}, "a text, a finite number"),
        ({"type": "eq", "key": "a", "value": float("nan")}, "a text, a finite number"),
        ({"type": "eq", "key": "a", "value": 1, "boost": 2}, "unknown part 'boost'"),
        ({"type": "gt", "key": "a", "value": True}, "not true and false"),
        ({"type": "in", "key": "a", "value": "x"}, "a list"),
        ({"type": "in", "key": "a", "value": []}, "a list"),
        ({"type": "and", "filters": []}, "at least one"),
        ({"type": "and", "filters": "x"}, "at least one"),
        ({"type": "or"}, "at least one"),
        ({"type": "or", "filters": [{}], "key": "a"}, "unknown part 'key'"),
    ],
)
def test_what_is_wrong_is_said(wrong: Any, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        parse_filter(wrong)
    assert caught.value.param == "filters"


def test_size_is_bounded() -> None:
    deep: dict[str, Any] = comparison("eq", "a", 1)
    for _ in range(MAX_DEPTH):
        deep = {"type": "and", "filters": [deep]}
    with pytest.raises(InvalidInput, match="deep"):
        parse_filter(deep)
    with pytest.raises(InvalidInput, match="at most"):
        parse_filter({"type": "or", "filters": [comparison("eq", "a", n) for n in range(100)]})
