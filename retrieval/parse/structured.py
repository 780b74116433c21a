"""JSON and JSON Lines: every record is a block of `key: value` lines, numbers and strings as written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval.errors import ParseError
from retrieval.parse.builder import DocumentBuilder
from retrieval.parse.decode import read_text
from retrieval.parse.limits import ParseLimits
from retrieval.types import ParsedDocument

_MAX_DEPTH = 100


def parse_json(path: Path, limits: ParseLimits) -> ParsedDocument:
    """Read a JSON file.

    Args:
        path: The file.
        limits: What it may use.

    Returns:
        The document: a block for every item of a top-level list, or for every key of a top-level object.

    Raises:
        ParseError: When it is not JSON, nested deeper than 100, too large or empty.
    """
    value = _load(read_text(path, limits), "The file")
    builder = DocumentBuilder(limits.max_text_chars)
    if isinstance(value, dict):
        scalars = {key: item for key, item in value.items() if not isinstance(item, dict | list)}
        builder.add("paragraph", "\n".join(_lines(scalars, "")))
        for key, item in value.items():
            if key in scalars:
                continue
            builder.add("heading", str(key), level=1)
            _records(builder, item if isinstance(item, list) else [item])
    else:
        _records(builder, value if isinstance(value, list) else [value])
    return builder.build()


def parse_json_lines(path: Path, limits: ParseLimits) -> ParsedDocument:
    """Read a JSON Lines file; as `parse_json`, with a block for every line.

    Args:
        path: The file.
        limits: What it may use.

    Returns:
        The document.

    Raises:
        ParseError: When a line is not JSON; the message names it.
    """
    builder = DocumentBuilder(limits.max_text_chars)
    for number, line in enumerate(read_text(path, limits).splitlines(), 1):
        if line.strip():
            _records(builder, [_load(line, f"Line {number}")])
    return builder.build()


def _load(text: str, what: str) -> Any:
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except RecursionError:
        raise _too_deep(what) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ParseError("invalid_file", f"{what} is not valid JSON: {error.msg} ({where}).") from None


def _too_deep(what: str) -> ParseError:
    return ParseError("invalid_file", f"{what} is nested deeper than {_MAX_DEPTH} levels. Flatten it.")


def _records(builder: DocumentBuilder, items: list[Any]) -> None:
    scalars: list[str] = []
    for item in items:
        if isinstance(item, dict | list):
            builder.add("list", "\n".join(scalars))
            scalars = []
            builder.add("paragraph", "\n".join(_lines(item, "")))
        elif item is not None:
            scalars.append("- " + _scalar(item))
    builder.add("list", "\n".join(scalars))


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _lines(value: Any, path: str, depth: int = 0) -> Iterator[str]:
    """Give `path.to.key: value` lines; a list of plain values is one line."""
    if depth > _MAX_DEPTH:
        raise _too_deep("The file")
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _lines(item, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list):
        if all(not isinstance(item, dict | list) for item in value):
            if value:
                joined = ", ".join(_scalar(item) for item in value if item is not None)
                yield f"{path}: {joined}" if path else joined
        else:
            for number, item in enumerate(value, 1):
                yield from _lines(item, f"{path}[{number}]", depth + 1)
    elif value is not None:
        yield f"{path}: {_scalar(value)}" if path else _scalar(value)
