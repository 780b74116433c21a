"""Markdown: the source stays the text, the parser only says where its blocks are.

HTML comments are taken out of the source first: a rendered page does not show them, so nobody reviews what they say.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import ParseError
from retrieval.parse.builder import MAX_TITLE_CHARS, leading_title
from retrieval.parse.clean import clean_text, one_line
from retrieval.parse.decode import read_text
from retrieval.parse.limits import ParseLimits
from retrieval.types import Block, BlockKind, ParsedDocument

if TYPE_CHECKING:
    from markdown_it.token import Token

_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*[\"']?(.*?)[\"']?[ \t]*$", re.MULTILINE)
_COMMENT = re.compile(r"(`+)(?:(?!\1).)*\1|<!--.*?-->", re.DOTALL)
_KINDS: dict[str, BlockKind] = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "table_open": "table",
    "fence": "code",
    "code_block": "code",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "html_block": "paragraph",
}


def parse_markdown(path: Path, limits: ParseLimits) -> ParsedDocument:
    """Read a Markdown file.

    Args:
        path: The file.
        limits: What it may use.

    Returns:
        The document; headings hold their text without the marks.

    Raises:
        ParseError: When it is not text, too large or empty.
    """
    text = clean_text(read_text(path, limits))
    title = ""
    front = _FRONT_MATTER.match(text)
    if front:
        found = _FRONT_TITLE.search(front.group(1))
        title, text = (found.group(1) if found else ""), text[front.end() :]
    if "<!--" in text:
        text = _without_comments(text)
    text = text.strip("\n").rstrip() + "\n"
    blocks = tuple(_blocks(text))
    if not blocks:
        raise ParseError("empty_file", "The file holds no text. Upload a file with text in it.")
    return ParsedDocument(text, blocks, one_line(_plain(title or leading_title(text, blocks)))[:MAX_TITLE_CHARS])


def _tokens(text: str) -> list[Token]:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"maxNesting": 50}).enable("table").parse(text)


def _line_starts(text: str) -> list[int]:
    starts = [0]
    starts.extend(match.end() for match in re.finditer("\n", text))
    starts.append(len(text))
    return starts


def _without_comments(text: str) -> str:
    starts = _line_starts(text)
    kept, at = [], 0
    for token in _tokens(text):
        if token.type in ("fence", "code_block") and token.map and starts[token.map[0]] >= at:
            begin, end = starts[token.map[0]], starts[token.map[1]]
            kept.append(_COMMENT.sub(_keep_code, text[at:begin]))
            kept.append(text[begin:end])
            at = end
    kept.append(_COMMENT.sub(_keep_code, text[at:]))
    return "".join(kept)


def _keep_code(match: re.Match[str]) -> str:
    return match.group() if match.group(1) else ""


def _blocks(text: str) -> list[Block]:
    """Give the top-level blocks, and those inside block quotes, in order and without overlap."""
    starts = _line_starts(text)
    blocks: list[Block] = []
    done = 0
    for token in _tokens(text):
        kind = _KINDS.get(token.type)
        if kind is None or not token.map or starts[token.map[0]] < done:
            continue
        start, end = starts[token.map[0]], starts[min(token.map[1], len(starts) - 1)]
        done = end
        raw = text[start:end]
        if kind == "heading":
            blocks.extend(_heading(raw, start, int(token.tag[1])))
        elif raw.strip():
            lead = len(raw) - len(raw.lstrip("\n" if kind in ("code", "list") else None))
            blocks.append(Block(kind, start + lead, start + len(raw.rstrip())))
    return blocks


def _heading(raw: str, start: int, level: int) -> list[Block]:
    body = raw.rstrip()
    lead = len(body) - len(body.lstrip("> \t"))
    marks = re.match(r"#{1,6}[ \t]*", body[lead:])
    begin = lead + (marks.end() if marks else 0)
    tail = re.search(r"([ \t]+#+[ \t]*|\n[> \t]*(=+|-+)[ \t]*)$", body[begin:])
    end = begin + tail.start() if tail else len(body)
    return [Block("heading", start + begin, start + end, level)] if body[begin:end].strip() else []


def _plain(heading: str) -> str:
    """Take emphasis and link targets out of a heading, for use as a title."""
    heading = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[*_`]{1,3}(\S(?:.*?\S)?)[*_`]{1,3}", r"\1", heading)
