"""Conditions on the attributes of documents, in OpenAI's shape, as a small tree that can be hashed and evaluated.

`{"type": "eq|ne|gt|gte|lt|lte|in|nin", "key": ..., "value": ...}` and `{"type": "and|or", "filters": [...]}`. A
document without the key, or with a value of another type, meets no comparison but `ne` and `nin`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retrieval.errors import InvalidInput
from retrieval.types import Attributes, AttributeValue

MAX_DEPTH = 8
MAX_CONDITIONS = 64
MAX_VALUES = 256

_ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_COMPARISONS = ("eq", "ne", *_ORDERED, "in", "nin")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One attribute against one value, or against several for `in` and `nin`."""

    type: str
    key: str
    value: AttributeValue | tuple[AttributeValue, ...]


@dataclass(frozen=True, slots=True)
class Compound:
    """All (`and`) or any (`or`) of some conditions."""

    type: str
    filters: tuple[Filter, ...]


Filter = Comparison | Compound


def parse_filter(value: Mapping[str, Any]) -> Filter:
    """Read a filter as a client sent it; InvalidInput says which part is wrong and what would be right."""
    return _parse(value, 1, [0])


def matches(condition: Filter, attributes: Attributes) -> bool:
    """Tell whether a document with these attributes meets a condition."""
    if isinstance(condition, Compound):
        outcomes = (matches(part, attributes) for part in condition.filters)
        return all(outcomes) if condition.type == "and" else any(outcomes)
    held = attributes.get(condition.key)
    match condition.type:
        case "eq":
            return _same(held, condition.value)
        case "ne":
            return not _same(held, condition.value)
        case "in" | "nin":
            values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
            return any(_same(held, value) for value in values) == (condition.type == "in")
        case ordered:
            return _comparable(held, condition.value) and _ORDERED[ordered](held, condition.value)


def _same(held: Any, value: Any) -> bool:
    # True == 1 in Python, but a flag is not a number to whoever wrote the attribute.
    return isinstance(held, bool) == isinstance(value, bool) and bool(held == value)


def _comparable(held: Any, value: Any) -> bool:
    if isinstance(held, bool) or isinstance(value, bool):
        return False
    return isinstance(held, str) == isinstance(value, str) and held is not None


def _parse(value: Any, depth: int, seen: list[int]) -> Filter:
    seen[0] += 1
    if depth > MAX_DEPTH or seen[0] > MAX_CONDITIONS:
        raise _wrong(f"a filter has at most {MAX_CONDITIONS} conditions, nested at most {MAX_DEPTH} deep")
    if not isinstance(value, Mapping):
        raise _wrong(f"a filter is an object with a 'type', not {type(value).__name__}")
    kind = value.get("type")
    if kind in ("and", "or"):
        _only(value, {"type", "filters"})
        parts = value.get("filters")
        if not isinstance(parts, Sequence) or isinstance(parts, str) or not parts:
            raise _wrong(f"'{kind}' needs 'filters': a list of at least one filter")
        return Compound(kind, tuple(_parse(part, depth + 1, seen) for part in parts))
    if kind not in _COMPARISONS:
        raise _wrong(f"'type' must be one of {', '.join((*_COMPARISONS, 'and', 'or'))}, not {kind!r}")
    _only(value, {"type", "key", "value"})
    key = value.get("key")
    if not isinstance(key, str) or not key:
        raise _wrong(f"'{kind}' needs 'key': the name of an attribute")
    return Comparison(kind, key, _parse_value(kind, value.get("value")))


def _parse_value(kind: str, value: Any) -> AttributeValue | tuple[AttributeValue, ...]:
    if kind in ("in", "nin"):
        if not isinstance(value, Sequence) or isinstance(value, str) or not 1 <= len(value) <= MAX_VALUES:
            raise _wrong(f"'{kind}' needs 'value': a list of 1 to {MAX_VALUES} values")
        return tuple(_scalar(item) for item in value)
    scalar = _scalar(value)
    if kind in _ORDERED and isinstance(scalar, bool):
        raise _wrong(f"'{kind}' compares numbers or texts, not true and false")
    return scalar


def _scalar(value: Any) -> AttributeValue:
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int | float) and math.isfinite(value):
        return value
    raise _wrong(f"a value is a text, a finite number or true or false, not {value!r}")


def _only(value: Mapping[str, Any], known: set[str]) -> None:
    if extra := set(value) - known:
        raise _wrong(
            f"unknown part {sorted(map(str, extra))[0]!r}; a filter of this type has {', '.join(sorted(known))}"
        )


def _wrong(message: str) -> InvalidInput:
    return InvalidInput(f"Bad filter: {message}.", param="filters")
