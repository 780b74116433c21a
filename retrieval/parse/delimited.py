"""CSV and TSV: one table, one line a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from retrieval.errors import ParseError
from retrieval.parse.builder import DocumentBuilder
from retrieval.parse.decode import read_text
from retrieval.parse.limits import ParseLimits
from retrieval.types import ParsedDocument

_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 50
_MAX_FIELD_CHARS = 1 << 20


def parse_delimited(path: Path, limits: ParseLimits) -> ParsedDocument:
    """Read a table of delimited values; the delimiter is found by what splits the rows most evenly.

    Args:
        path: The file.
        limits: What it may use.

    Returns:
        The document.

    Raises:
        ParseError: When it is not text, too large or empty.
    """
    text = read_text(path, limits)
    builder = DocumentBuilder(limits.max_text_chars)
    csv.field_size_limit(_MAX_FIELD_CHARS)
    try:
        builder.add_table(_rows(text, _delimiter(text), limits))
    except csv.Error as error:
        raise ParseError("invalid_file", f"The table cannot be read ({error}). Save it again as CSV.") from None
    return builder.build()


def _delimiter(text: str) -> str:
    sample = text[:200_000]
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        widths = []
        for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if row:
                widths.append(len(row))
            if len(widths) == _SAMPLE_ROWS:
                break
        if not widths:
            continue
        usual = max(set(widths), key=widths.count)
        score = widths.count(usual) / len(widths) * (1 + min(usual, 20) / 100) if usual > 1 else 0.0
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _rows(text: str, delimiter: str, limits: ParseLimits) -> Iterator[list[str]]:
    cells = 0
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True):
        cells += len(row)
        if cells > limits.max_cells:
            raise ParseError("file_too_large", f"The table has over {limits.max_cells:,} cells. Split it.")
        yield row
