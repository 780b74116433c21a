"""Excel workbooks: one page a sheet, rows as table lines with the values as shown, not the formulas."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval.errors import ParseError
from retrieval.parse.archive import SafeZip
from retrieval.parse.builder import DocumentBuilder
from retrieval.parse.limits import ParseLimits
from retrieval.parse.ooxml import core_properties
from retrieval.types import ParsedDocument

_MAX_EMPTY_ROWS = 10_000  # a sheet may declare a million rows and hold ten


def parse_xlsx(path: Path, limits: ParseLimits) -> ParsedDocument:
    """Read a workbook.

    Args:
        path: The file.
        limits: What it may use.

    Returns:
        The document; `page` is the number of the sheet, its name a heading. Hidden sheets are left out.

    Raises:
        ParseError: When it is damaged, too large, encrypted or empty.
    """
    with SafeZip(path, limits) as archive:
        properties = core_properties(archive)

    import openpyxl

    builder = DocumentBuilder(limits.max_text_chars)
    # Opened here: given a path, openpyxl refuses any that does not end in .xlsx, and a file is kept under its hash.
    with path.open("rb") as file:
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        try:
            cells = 0
            for number, sheet in enumerate(workbook.worksheets, 1):
                if sheet.sheet_state != "visible":
                    continue
                sheet.reset_dimensions()  # the size a sheet declares is often wrong, and openpyxl would fill it up
                named = False
                for table in _tables(sheet, limits.max_cells - cells):
                    if not named:
                        builder.add("heading", sheet.title, level=1, page=number)
                        named = True
                    cells += sum(len(row) for row in table)
                    builder.add_table(table, page=number)
        finally:
            workbook.close()
    if not builder:
        raise ParseError("empty_file", "The workbook holds no values. Upload one with values in its visible sheets.")
    return builder.build(title=properties.get("title", "") or "", metadata=properties)


def _tables(sheet: Any, most_cells: int) -> Iterator[list[list[str]]]:
    """Give the runs of rows between empty rows."""
    table: list[list[str]] = []
    empty = cells = 0
    for row in sheet.iter_rows(values_only=True):
        values = [_shown(value) for value in row]
        cells += len(values)
        if cells > most_cells:
            raise ParseError("file_too_large", "The workbook has too many cells. Split it into smaller ones.")
        if any(values):
            table.append(values)
            empty = 0
            continue
        empty += 1
        if table:
            yield table
            table = []
        if empty > _MAX_EMPTY_ROWS:
            break
    if table:
        yield table


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.12g}"
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time(0)
        return value.date().isoformat() if midnight else value.isoformat(sep=" ", timespec="seconds")
    return str(value)
