"""What commands print: text for people, one JSON document (or one a line) for programs, errors on standard error."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def emit(data: Any, text: str, json: bool) -> None:
    """Print the data as JSON, or the text."""
    typer.echo(jsonlib.dumps(data, ensure_ascii=False) if json else text)


def emit_line(data: Any) -> None:
    """Print one JSON line at once, so that a pipe sees it."""
    sys.stdout.write(jsonlib.dumps(data, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def complain(message: str) -> None:
    """Print an error."""
    typer.echo(f"error: {message}", err=True)


def table(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Lay rows out in columns."""
    widths = [max(len(cell) for cell in column) for column in zip(headers, *rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (headers, *rows)
    ]
    return "\n".join(lines)
