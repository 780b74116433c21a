"""Cuts a parsed document into chunks: along its headings, then its blocks, then its sentences, never through one.

A chunk is a slice of the document's text. It holds blocks of one section; a section that does not fit is cut into
pieces of about the same size, at the ends of blocks where that works, so that no scrap is left over. The headings above
a chunk are its heading path, not part of its text; the header row of a table that had to be cut joins the path of the
pieces that would otherwise lack it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrieval.errors import InvalidInput
from retrieval.sentences import split_sentences
from retrieval.types import Block, ChunkDraft, ParsedDocument

_MAX_HEADER_CHARS = 200
_MAX_PATH_CHARS = 120  # of one heading in the path


@dataclass(frozen=True, slots=True)
class ChunkOptions:
    """How large chunks are, in characters.

    Attributes:
        max_chars: No chunk is longer. 1,000 characters of English are about 230 of the 256 tokens MiniLM reads.
        min_chars: A shorter piece joins its neighbour of the same section, or of one above or beside it, where it fits.
        overlap_chars: The most of its end that a chunk shares with the next one of its section, in whole sentences.
    """

    max_chars: int = 1_000
    min_chars: int = 120
    overlap_chars: int = 0

    def __post_init__(self) -> None:
        """Refuse sizes that cannot work."""
        if self.max_chars < 100:
            raise InvalidInput("max_chars must be at least 100", param="max_chars")
        if not 0 <= self.min_chars <= self.max_chars:
            raise InvalidInput("min_chars must be between 0 and max_chars", param="min_chars")
        if not 0 <= self.overlap_chars <= self.max_chars // 2:
            raise InvalidInput("overlap_chars must be between 0 and half of max_chars", param="overlap_chars")


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is never cut: a sentence, a row, a list item, a line of code; or a whole block that is short."""

    start: int
    end: int
    block: int  # number of its block in the document
    last: bool  # the last unit of that block


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    path: tuple[str, ...]
    first_block: int
    last_block: int


def chunk_document(document: ParsedDocument, options: ChunkOptions | None = None) -> list[ChunkDraft]:
    """Cut a document.

    Args:
        document: The document.
        options: Sizes; the defaults suit an encoder that reads 256 tokens.

    Returns:
        Chunks in reading order. Every character that is not blank and not in a heading is in at least one.
    """
    options = options or ChunkOptions()
    pieces: list[_Piece] = []
    for path, members in _sections(document):
        pieces.extend(_pack(document, path, members, options))
    return [_draft(document, piece) for piece in _merge(document, pieces, options)]


def _sections(document: ParsedDocument) -> Iterator[tuple[tuple[str, ...], list[int]]]:
    """Give (heading path, numbers of the blocks under it); a heading with nothing under it stands for itself."""
    text, blocks = document.text, document.blocks
    stack: list[tuple[int, str]] = []
    members: list[int] = []
    bare: int | None = None  # a heading that has had nothing under it yet
    for number, block in enumerate(blocks):
        if block.kind != "heading":
            # Text between two blocks that is in neither (a comment, a label) may not be in a chunk either.
            if members and text[blocks[members[-1]].end : block.start].strip():
                yield _path(document, stack), members
                members = []
            members.append(number)
            bare = None
            continue
        if members:
            yield _path(document, stack), members
            members = []
        elif bare is not None and block.level <= blocks[bare].level:
            yield _path(document, stack[:-1]), [bare]
        bare = number
        while stack and stack[-1][0] >= block.level:
            stack.pop()
        stack.append((block.level, " ".join(text[block.start : block.end].split())[:_MAX_PATH_CHARS]))
    if members:
        yield _path(document, stack), members
    elif bare is not None:
        yield _path(document, stack[:-1]), [bare]


def _path(document: ParsedDocument, stack: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    """Give the headings from the outermost in; one that only repeats the document's title is left out."""
    names = [name for _, name in stack]
    if names and names[0].casefold() == document.title[:_MAX_PATH_CHARS].casefold():
        del names[0]
    return tuple(names)


def _units(document: ParsedDocument, members: Sequence[int], most: int) -> Iterator[_Unit]:
    for number in members:
        block = document.blocks[number]
        if block.end - block.start <= most // 2 and block.kind != "table":
            spans = [(block.start, block.end)]
        else:
            spans = [span for part in _parts(document.text, block) for span in _fit(document.text, part, most)]
        for index, (start, end) in enumerate(spans):
            yield _Unit(start, end, number, index == len(spans) - 1)


def _parts(text: str, block: Block) -> list[tuple[int, int]]:
    """Cut a block into rows or lines, or sentences."""
    if block.kind in ("table", "code"):
        spans, start = [], block.start
        for line in text[block.start : block.end].splitlines(keepends=True):
            end = start + len(line.rstrip())
            if line.strip():
                spans.append((start, end))
            start += len(line)
        return spans
    body = text[block.start : block.end]
    return [(block.start + start, block.start + end) for start, end in split_sentences(body)]


def _fit(text: str, span: tuple[int, int], most: int) -> Iterator[tuple[int, int]]:
    """Cut what is still longer than a chunk at its blanks, or where it must be."""
    start, end = span
    while end - start > most:
        cut = max(text.rfind(" ", start + most // 2, start + most), text.rfind("\n", start + most // 2, start + most))
        cut = cut if cut > start else start + most
        yield start, start + len(text[start:cut].rstrip())
        start = cut + len(text[cut:end]) - len(text[cut:end].lstrip())
    if start < end:
        yield start, end


def _pack(
    document: ParsedDocument, path: tuple[str, ...], members: Sequence[int], options: ChunkOptions
) -> Iterator[_Piece]:
    """Put the units of a section into pieces of about equal size."""
    units = list(_units(document, members, options.max_chars))
    first = 0  # of the units that are in no piece yet
    begin = 0  # of the piece that is being filled; before `first` by the overlap
    while first < len(units):
        rest = units[-1].end - units[first].start
        count = -(-rest // options.max_chars)
        target = rest / count
        stop = first + 1
        while stop < len(units):
            size, grown = units[stop - 1].end - units[begin].start, units[stop].end - units[begin].start
            if grown > options.max_chars:
                break
            # With more to come, stop nearest to an even share, sooner where a block ends.
            if count > 1:
                slack = 0.25 * target if units[stop - 1].last else 0.0
                if grown - target > target - size + slack or (units[stop - 1].last and size > 0.8 * target):
                    break
            stop += 1
        while begin < first and units[stop - 1].end - units[begin].start > options.max_chars:
            begin += 1
        yield _Piece(units[begin].start, units[stop - 1].end, path, units[begin].block, units[stop - 1].block)
        begin = first = stop
        while begin > 0 and first < len(units) and units[first].start - units[begin - 1].start <= options.overlap_chars:
            begin -= 1


def _merge(document: ParsedDocument, pieces: Sequence[_Piece], options: ChunkOptions) -> list[_Piece]:
    """Join pieces that are too short to a neighbour they belong with."""
    merged: list[_Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if last is not None and _join(document, last, piece, options):
            shared = _shared(last.path, piece.path)
            merged[-1] = _Piece(last.start, piece.end, shared, last.first_block, piece.last_block)
        else:
            merged.append(piece)
    return merged


def _join(document: ParsedDocument, last: _Piece, piece: _Piece, options: ChunkOptions) -> bool:
    short = min(last.end - last.start, piece.end - piece.start) < options.min_chars
    if not short or piece.end - last.start > options.max_chars or piece.start < last.end:
        return False
    depth = len(_shared(last.path, piece.path))
    akin = depth >= min(len(last.path), len(piece.path)) or (
        depth and depth == len(last.path) - 1 == len(piece.path) - 1
    )
    between = document.blocks[last.last_block + 1 : piece.first_block]
    at = last.end
    for block in between:  # only headings may be between them, and nothing that is in no block
        if block.kind != "heading" or document.text[at : block.start].strip(" \t\n#=-~^\"'`*+>"):
            return False
        at = block.end
    return bool(akin) and not document.text[at : piece.start].strip(" \t\n#=-~^\"'`*+>")


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    depth = 0
    while depth < min(len(one), len(other)) and one[depth] == other[depth]:
        depth += 1
    return one[:depth]


def _draft(document: ParsedDocument, piece: _Piece) -> ChunkDraft:
    blocks = document.blocks[piece.first_block : piece.last_block + 1]
    pages = [block.page for block in blocks if block.page is not None]
    path, first = piece.path, blocks[0]
    if first.kind == "table" and piece.start > first.start:
        header = document.text[first.start : first.end].partition("\n")[0]
        path = (*path, header[:_MAX_HEADER_CHARS])
    text = document.text[piece.start : piece.end]
    return ChunkDraft(text, piece.start, piece.end, path, min(pages, default=None), max(pages, default=None))
