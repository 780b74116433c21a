"""Find `[n]` markers in an answer, whatever way a model wrote them, and rewrite them one way.

Understood: `[1]`, `[1][2]`, `[1, 2]`, `[1-3]`, `【1】`, `【1†source】`, `[^1]`. Left alone: markdown links `[1](...)`,
anything in code, and brackets with other content. A number that no shown passage has is dropped from the text.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_ITEM = r"\d{1,3}(?:\s*[-\u2013]\s*\d{1,3})?"
_MARKER = re.compile(
    rf"[\[\u3010]\s*\^?(?P<items>{_ITEM}(?:\s*[,;]\s*{_ITEM})*)\s*(?:\u2020[^\]\u3011]*)?[\]\u3011](?![(:])"
)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_MOST_IN_RANGE = 10  # [1-300] is not a list of sources


@dataclass(frozen=True, slots=True)
class Marker:
    """One `[n]` in the tidied text, and where it stands in the text without markers."""

    number: int
    start: int  # offsets in the tidied text, of the brackets and what is between them
    end: int
    plain: int  # offset in the plain text at which the marker was taken out


@dataclass(frozen=True, slots=True)
class MarkedText:
    """An answer taken apart: `text` with uniform markers, `plain` without any, `to_text` from plain to text offsets."""

    text: str
    plain: str
    markers: tuple[Marker, ...]
    to_text: tuple[int, ...]  # to_text[i] is where plain[i] stands in text; one more entry for the end
    dropped: tuple[int, ...]  # numbers that no shown passage has


def strip_markers(text: str) -> str:
    """Take every marker out of a text, with the blanks before it: source texts bring reference numbers of their own."""
    return "".join(text[start:end] for start, end in unmarked_spans(text))


def unmarked_spans(text: str) -> list[tuple[int, int]]:
    """Give the pieces of a text between its markers; blanks before a marker belong to the marker."""
    pieces, at = [], 0
    for start, end, _ in _found(text):
        pieces.append((at, start))
        at = end
    pieces.append((at, len(text)))
    return pieces


def take_apart(text: str, valid: Collection[int]) -> MarkedText:
    """Rewrite the markers of an answer uniformly and drop those that name no shown passage.

    Args:
        text: the answer as written.
        valid: the numbers of the shown passages.

    Returns:
        The tidied text, the text without markers, and every marker with both its places.
    """
    out: list[str] = []
    plain: list[str] = []
    to_text: list[int] = []
    markers: list[Marker] = []
    dropped: list[int] = []
    length = at = 0

    def copy(piece: str) -> None:
        nonlocal length
        if not piece:
            return
        out.append(piece)
        plain.append(piece)
        to_text.extend(range(length, length + len(piece)))
        length += len(piece)

    for start, end, wanted in _found(text):
        copy(text[at:start])
        numbers = [number for number in dict.fromkeys(wanted) if number in valid]
        dropped.extend(number for number in dict.fromkeys(wanted) if number not in valid)
        glued = bool(markers) and markers[-1].end == length  # [1] [2] become [1][2]
        if numbers and length and not glued and not out[-1].endswith(("\n", " ")):
            out.append(" ")
            length += 1
        for number in numbers:
            shown = f"[{number}]"
            markers.append(Marker(number, length, length + len(shown), len(to_text)))
            out.append(shown)
            length += len(shown)
        at = end
    copy(text[at:])
    return MarkedText("".join(out), "".join(plain), tuple(markers), (*to_text, length), tuple(dropped))


def _found(text: str) -> list[tuple[int, int, list[int]]]:
    """Give start (blanks before included), end and numbers of every marker outside code."""
    code = [match.span() for match in _CODE.finditer(text)] if "`" in text else []
    found = []
    for match in _MARKER.finditer(text):
        if any(start <= match.start() < end for start, end in code):
            continue
        start = match.start()
        while start > 0 and text[start - 1] in " \t\u00a0":
            start -= 1
        found.append((start, match.end(), _numbers(match["items"])))
    return found


def _numbers(items: str) -> list[int]:
    numbers: list[int] = []
    for item in re.split(r"\s*[,;]\s*", items):
        first, *last = (int(part) for part in re.split(r"\s*[-\u2013]\s*", item))
        if last and first <= last[0] < first + _MOST_IN_RANGE:
            numbers.extend(range(first, last[0] + 1))
        else:
            numbers.extend((first, *last))
    return numbers
