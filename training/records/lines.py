"""Lines of a file, one at a time and never more of it in memory than one line may be long."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from training.records.errors import RecordsTooLarge, RecordsUnreadable
from training.records.limits import Limits

Lines = str | os.PathLike[str] | Iterable[bytes | str]
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PAR1": "parquet",
    b"%PDF": "PDF",
}
_BOM = b"\xef\xbb\xbf"


def numbered_lines(source: Lines, limits: Limits) -> Iterator[tuple[int, bytes | None]]:
    """Give (number from 1, line without its end) of every line that is not blank; None for one that is too long.

    Args:
        source: A path, or the lines themselves.
        limits: `file_bytes`, `line_bytes` and `lines` are obeyed.

    Yields:
        tuple[int, bytes | None]: Number and bytes.

    Raises:
        RecordsUnreadable: The file cannot be opened or is not a text file.
        RecordsTooLarge: There are more bytes or lines than allowed.
    """
    if not isinstance(source, str | os.PathLike):
        pieces = (line.encode("utf-8", "replace") if isinstance(line, str) else line for line in source)
        yield from _bounded(pieces, limits)
        return
    path = Path(source)
    try:
        if path.is_dir():
            raise RecordsUnreadable(f"{path.name} is a directory; give the JSON Lines file in it")
        with path.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            if size > limits.file_bytes:
                raise RecordsTooLarge(_too_many(f"{path.name} has {size:,} bytes", limits.file_bytes, "bytes"))
            _refuse_binary(path.name, opened.peek(4096))
            yield from _bounded(_pieces(opened, limits.line_bytes), limits)
    except OSError as error:
        raise RecordsUnreadable(f"{path.name} cannot be read: {error.strerror or error}") from error


def _bounded(pieces: Iterable[bytes], limits: Limits) -> Iterator[tuple[int, bytes | None]]:
    total = 0
    for number, piece in enumerate(pieces, 1):
        total += len(piece)
        if total > limits.file_bytes:
            raise RecordsTooLarge(_too_many("there are more", limits.file_bytes, "bytes"))
        if number > limits.lines:
            raise RecordsTooLarge(_too_many("there are more", limits.lines, "lines"))
        if len(piece) > limits.line_bytes:
            yield number, None
            continue
        line = piece.removeprefix(_BOM).strip() if number == 1 else piece.strip()
        if line:
            yield number, line


def _pieces(opened: IO[bytes], line_bytes: int) -> Iterator[bytes]:
    """Give lines; of one that is too long only so much that it can be told to be."""
    while piece := opened.readline(line_bytes + 2):
        tail = piece
        while len(tail) == line_bytes + 2 and not tail.endswith(b"\n"):
            tail = opened.readline(line_bytes + 2)
        yield piece


def _refuse_binary(name: str, start: bytes) -> None:
    for magic, kind in _MAGIC.items():
        if start.startswith(magic):
            raise RecordsUnreadable(f"{name} is a {kind} file; give JSON Lines: one JSON object a line, UTF-8")
    if b"\x00" in start:
        raise RecordsUnreadable(f"{name} is binary or not UTF-8; give JSON Lines: one JSON object a line, UTF-8")


def _too_many(what: str, limit: int, unit: str) -> str:
    return f"{what}, and {limit:,} {unit} may be read at once; export a shorter time span (since, until)"
