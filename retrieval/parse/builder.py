"""Puts a document together block by block, so that every block is an exact slice of the text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from retrieval.errors import ParseError
from retrieval.parse.clean import clean_text, one_line, squeeze_lines
from retrieval.types import Block, BlockKind, ParsedDocument

CELL_SEPARATOR = " | "
MAX_TITLE_CHARS = 300


def table_row(cells: Iterable[str]) -> str:
    """Render one row of a table as one line; empty cells at its end are dropped."""
    values = [one_line(cell) for cell in cells]
    while values and not values[-1]:
        values.pop()
    return CELL_SEPARATOR.join(values)


def leading_title(text: str, blocks: Sequence[Block]) -> str:
    """Give the first heading of the outermost level there is, which is what a document without a title is called."""
    headings = [block for block in blocks if block.kind == "heading"]
    outermost = min((block.level for block in headings), default=0)
    return next((text[block.start : block.end] for block in headings if block.level == outermost), "")


class DocumentBuilder:
    """Collects blocks in reading order. Blocks are separated by a blank line unless told otherwise.

    Args:
        max_chars: The text may not grow past this; passing it raises `ParseError` with code `file_too_large`.
    """

    def __init__(self, max_chars: int) -> None:
        self._max_chars = max_chars
        self._parts: list[str] = []
        self._blocks: list[Block] = []
        self._length = 0

    def __bool__(self) -> bool:
        """Tell whether any text was added."""
        return self._length > 0

    @property
    def length(self) -> int:
        """Characters so far."""
        return self._length

    def add(
        self, kind: BlockKind, text: str, *, level: int = 0, page: int | None = None, separator: str = "\n\n"
    ) -> None:
        """Append a block; text that is empty after cleaning is ignored.

        Args:
            kind: What the block is. Code keeps its blanks, a heading becomes one line.
            text: Its text, not yet cleaned.
            level: Heading depth from 1; 0 for everything else.
            page: 1-based page, slide or sheet.
            separator: What stands between this block and the one before.
        """
        if kind == "code":
            text = clean_text(text).strip("\n").rstrip()
        elif kind == "heading":
            text = one_line(text)
        else:
            text = squeeze_lines(text)
        if not text.strip():
            return
        if self._parts:
            self._parts.append(separator)
            self._length += len(separator)
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        if self._length > self._max_chars:
            raise ParseError(
                "file_too_large",
                f"The file holds more than {self._max_chars:,} characters of text. Split it into smaller files.",
            )
        self._blocks.append(Block(kind, start, self._length, level if kind == "heading" else 0, page))

    def add_table(self, rows: Iterable[Sequence[str]], *, page: int | None = None) -> None:
        """Append a table, one line a row; rows without any text are dropped."""
        lines = (table_row(row) for row in rows)
        self.add("table", "\n".join(line for line in lines if line), page=page)

    def build(self, *, title: str = "", metadata: Mapping[str, str] | None = None) -> ParsedDocument:
        """Give the document.

        Args:
            title: Its title; the first heading of the outermost level when empty.
            metadata: Facts about the file that are not part of its text.

        Returns:
            The document.

        Raises:
            ParseError: With code `empty_file` when no block was added.
        """
        if not self._blocks:
            raise ParseError("empty_file", "The file holds no text. Upload a file with text in it.")
        text = "".join(self._parts)
        title = one_line(title) or leading_title(text, self._blocks)
        facts = {key: one_line(value) for key, value in (metadata or {}).items() if one_line(value)}
        return ParsedDocument(text, tuple(self._blocks), one_line(title)[:MAX_TITLE_CHARS], facts)
