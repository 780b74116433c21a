"""Reads `records.jsonl`, as `groundloop feedback export --format records` writes it, line by line and within limits.

A line that cannot be used is left out with its number and the reason; no reason quotes what stood in the line. A file
of which nothing can be used is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from training.records.checks import Seen, check
from training.records.errors import NoRecords
from training.records.limits import Limits
from training.records.lines import Lines, numbered_lines
from training.records.row import BadLine, parse
from training.records.types import Record

_WANTED = "each line must be a JSON object as `groundloop feedback export --format records` writes it"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that was left out."""

    line: int  # from 1
    reason: str


@dataclass(frozen=True, slots=True)
class ReadRecords:
    """What a file holds. `rejected` lists the first of the lines that were left out, `refused` counts them all."""

    records: tuple[Record, ...]
    rejected: tuple[Rejected, ...] = ()
    refused: int = 0


def read_records(source: Lines, limits: Limits | None = None) -> ReadRecords:
    """Read judgements.

    Args:
        source: Path of a file, or its lines.
        limits: How much it may hold; generous by default.

    Returns:
        The usable records in the order of the file, and what was left out.

    Raises:
        RecordsUnreadable: The file cannot be opened or is not text.
        RecordsTooLarge: It holds more bytes or lines than allowed.
        NoRecords: It is empty, or no line can be used.
    """
    limits = limits or Limits()
    seen = Seen()

    def one(line: bytes) -> Record:
        record = parse(line)
        check(record, limits)
        return seen.join(record)

    return collect(source, limits, one, _WANTED)


def collect(source: Lines, limits: Limits, one: Callable[[bytes], Record], wanted: str) -> ReadRecords:
    """Read a file of one judgement a line.

    Args:
        source: Path of a file, or its lines.
        limits: How much it may hold.
        one: Reads one line; raises BadLine.
        wanted: What every line should be, for the error.

    Returns:
        What was read.

    Raises:
        NoRecords: It is empty, or no line can be used.
    """
    records: list[Record] = []
    rejected: list[Rejected] = []
    refused = 0
    for number, line in numbered_lines(source, limits):
        try:
            if line is None:
                raise BadLine(f"longer than {limits.line_bytes:,} bytes")
            records.append(one(line))
        except BadLine as error:
            refused += 1
            if len(rejected) < limits.listed:
                rejected.append(Rejected(number, str(error)))
    if not records:
        if not refused:
            raise NoRecords(f"there is no line to read; {wanted}")
        first = rejected[0] if rejected else Rejected(0, "")
        raise NoRecords(f"none of {refused:,} lines can be used; line {first.line}: {first.reason}; {wanted}")
    return ReadRecords(tuple(records), tuple(rejected), refused)
