"""How much a file of judgements may hold. Far above what the service writes; below what would hurt the reader."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Most of each thing. What exceeds a limit of the file ends the reading; what exceeds the others costs its line."""

    file_bytes: int = 8 * 2**30
    line_bytes: int = 16 * 2**20
    lines: int = 2_000_000
    listed: int = 1_000  # rejected lines of which the reason is kept; the others are only counted
    passages: int = 200
    answers: int = 16
    turns: int = 1_000
    text_chars: int = 1_000_000  # of one passage, answer, question, comment or correction
    name_chars: int = 1_024  # of an id, a title, a file name, a tag
    actions: int = 200_000  # of one answer
