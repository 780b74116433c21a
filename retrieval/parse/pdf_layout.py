"""Lines with positions to headings and paragraphs. Knows nothing of PDF libraries.

Lines of a paragraph are joined with a space, and words broken by a hyphen are put together; lines of a table or an
address keep their own line. Text that repeats at the top or bottom of most pages is dropped.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from retrieval.parse.builder import DocumentBuilder
from retrieval.parse.limits import ParseLimits
from retrieval.types import ParsedDocument

_SOFT_HYPHENS = "\u00ad\u0002\ufffe"  # pdfium marks a hyphen at a line's end with one of the last two
_BULLET = re.compile(r"(?:[•‣▪●○◦■□–—*·\uf0b7\uf0a7-]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+\S")
_NUMBER = re.compile(r"[($€£]?[-+]?[\d,.]*\d[\d,.]*%?\)?|[$€£%—–-]")
LEADER = " … "  # what the dots between a heading and its page number become
_BROKEN = re.compile(r"\d\d|\w[^\W\dA-Z_]")  # the characters before a hyphen and after the line break
_WORD = re.compile(r"\w+(?:-\w+)*")
_EDGE = 0.10  # running headers and footers stand within this share of the page's height
_MAX_RUNNING_CHARS = 150
_MIN_PAGES = 4
_MAX_HEADING_WORDS = 14


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page. Lengths in points from the top left; `place` is the share of the page above its foot."""

    text: str
    left: float
    right: float
    top: float
    bottom: float
    size: float
    bold: bool
    place: float


def lay_out(
    pages: Sequence[Sequence[Line]], *, title: str, metadata: Mapping[str, str], limits: ParseLimits
) -> ParsedDocument:
    """Build the document.

    Args:
        pages: The lines of every page, in reading order.
        title: The title the file states; the first largest heading when empty.
        metadata: Facts about the file.
        limits: The most text it may hold.

    Returns:
        The document; every block carries its page.
    """
    running = _running_lines(pages)
    kept = [
        [line for line, key in zip(page, _keys(page), strict=True) if line.text and key not in running]
        for page in pages
    ]
    if not any(kept):
        kept = [[line for line in page if line.text] for page in pages]
    style = _Style([line for page in kept for line in page])
    builder = DocumentBuilder(limits.max_text_chars)
    unfinished = False
    for number, page in enumerate(kept, 1):
        for index, group in enumerate(_paragraphs(page)):
            level = style.heading_level(group)
            if level:
                builder.add("heading", " ".join(line.text for line in group), level=level, page=number)
                unfinished = False
                continue
            text = style.join(group)
            # A sentence that runs over the end of a page goes on: one newline, not an empty line.
            goes_on = unfinished and index == 0 and text[:1].islower()
            tabular = sum(map(_is_row, group)) * 2 > len(group)
            kind = "table" if tabular else "list" if _BULLET.match(text) else "paragraph"
            builder.add(kind, text, page=number, separator="\n" if goes_on else "\n\n")  # type: ignore[arg-type]
            unfinished = bool(text) and text[-1] not in ".!?:;”\"')" and kind != "table"
    return builder.build(title=title, metadata=metadata)


def _keys(page: Sequence[Line]) -> list[str]:
    """Name what could be a running header or footer by its place and text, page numbers apart; empty for the rest."""
    keys = []
    for index, line in enumerate(page):
        text = re.sub(r"[0-9]+|^[ivxlc]+$", "#", line.text)
        place = "top" if line.place < _EDGE else "foot" if line.place > 1 - _EDGE else ""
        if not place and text == "#" and index in (0, len(page) - 1):
            place = "foot"  # the number of a page whose foot is empty
        keys.append(f"{place} {text}" if place and len(text) <= _MAX_RUNNING_CHARS else "")
    return keys


def _running_lines(pages: Sequence[Sequence[Line]]) -> set[str]:
    """Find what stands at the edge of most pages, page numbers apart; short documents repeat by chance."""
    if len(pages) < _MIN_PAGES:
        return set()
    seen = Counter(key for page in pages for key in set(_keys(page)) if key)
    # Left and right pages may differ, so a third of the pages is enough, with three as the least.
    needed = max(3, len(pages) * 0.34)
    return {key for key, times in seen.items() if times >= needed}


def _is_row(line: Line) -> bool:
    if LEADER in line.text:
        return True
    tokens = line.text.split()
    numbers = sum(bool(_NUMBER.fullmatch(token)) for token in tokens)
    return numbers >= 2 and numbers * 2 >= len(tokens)


def _paragraphs(page: Sequence[Line]) -> list[list[Line]]:
    steps = sorted(
        b.top - a.top for a, b in zip(page, page[1:], strict=False) if 0 < b.top - a.top < 3 * max(a.size, 1)
    )
    usual = steps[len(steps) // 2] if steps else 0.0
    groups: list[list[Line]] = []
    for line in page:
        if not groups or _starts_new(groups[-1], line, usual):
            groups.append([line])
        else:
            groups[-1].append(line)
    return groups


def _starts_new(group: Sequence[Line], line: Line, usual: float) -> bool:
    last = group[-1]
    step = line.top - last.top
    same_row = abs(step) < 0.4 * max(last.size, line.size)
    if same_row:
        return False
    if step < 0 or step > max(1.35 * usual, 1.15 * max(last.size, line.size)):
        return True
    if abs(line.size - last.size) > 0.12 * max(line.size, last.size) or line.bold != last.bold:
        # A line that begins or ends in bold or small print inside a running sentence stays with it.
        return not (line.text[:1].islower() and len(last.text) > 40)
    if _BULLET.match(line.text):
        return not _BULLET.match(group[0].text)
    ended = last.text.endswith((".", "!", "?", ":"))
    short = last.right < max(one.right for one in group) - 0.2 * (last.right - last.left)
    indented = line.left > min(one.left for one in group) + 0.8 * line.size
    return ended and not _BULLET.match(group[0].text) and (short and len(group) > 2 or indented)


class _Style:
    """What is usual in a document: its body size, the sizes above it, and its words."""

    def __init__(self, lines: Sequence[Line]) -> None:
        sizes: Counter[float] = Counter()
        for line in lines:
            sizes[line.size] += len(line.text)
        self.body = sizes.most_common(1)[0][0] if sizes else 0.0
        bold = sum(len(line.text) for line in lines if line.bold)
        self._bold_counts = bold < 0.25 * max(1, sum(sizes.values()))
        larger = {size for size, characters in sizes.items() if size >= 1.15 * self.body and characters >= 3}
        self._levels = {size: min(rank, 4) for rank, size in enumerate(sorted(larger, reverse=True), 1)}
        self._words = {word.lower() for line in lines for word in _WORD.findall(line.text)}

    def heading_level(self, group: Sequence[Line]) -> int:
        """Give the level of a group of lines that is a heading, 0 for anything else."""
        text = " ".join(line.text for line in group)
        words = text.split()
        letters = sum(character.isalpha() for character in text)
        if len(group) > 3 or len(words) > _MAX_HEADING_WORDS or letters < 3 or letters * 2 < len(text.replace(" ", "")):
            return 0
        if text.endswith((".", ",", ";")) or any(map(_is_row, group)) or _BULLET.match(text) and text[0] in "•‣▪●○◦■□·":
            return 0
        level = min((self._levels.get(line.size, 0) for line in group), default=0)
        if level:
            return level
        bold = self._bold_counts and len(group) == 1 and group[0].bold and group[0].size >= 0.95 * self.body
        return min(len(set(self._levels.values())) + 1, 5) if bold else 0

    def join(self, group: Sequence[Line]) -> str:
        """Give the text of a group, its wrapped lines joined."""
        edge = max(line.right for line in group)
        text = group[0].text
        for last, line in zip(group, group[1:], strict=False):
            if last.text[-1] in _SOFT_HYPHENS or (
                last.text[-1] == "-" and _BROKEN.match(last.text[-2:-1] + line.text[:1])
            ):
                text = self._mend(text, line.text)
            elif abs(line.top - last.top) < 0.4 * max(last.size, line.size):
                text += " " + line.text
            else:
                wrapped = last.right > edge - 0.15 * (edge - last.left) or line.text[:1].islower()
                own_line = _is_row(last) or _is_row(line) or _BULLET.match(line.text)
                text += (" " if wrapped and not own_line else "\n") + line.text
        return text.translate({ord(mark): "" for mark in _SOFT_HYPHENS[:1]} | {ord(m): "-" for m in _SOFT_HYPHENS[1:]})

    def _mend(self, before: str, after: str) -> str:
        """Put a broken word together; the hyphen stays where the document writes the word with one elsewhere."""
        head, tail = before[:-1], after
        left, right = re.search(r"\w+$", head), re.match(r"\w+", tail)
        if left is None or right is None:
            return head + "-" + tail
        whole, hyphened = left.group() + right.group(), f"{left.group()}-{right.group()}"
        compound = hyphened.lower() in self._words and whole.lower() not in self._words
        return head + ("-" if compound or not right.group()[0].islower() else "") + tail
