"""Plain text, reStructuredText and AsciiDoc: the source stays the text; headings, lists and code are found by line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from retrieval.errors import ParseError
from retrieval.parse.builder import MAX_TITLE_CHARS, leading_title
from retrieval.parse.clean import clean_text
from retrieval.parse.decode import read_text
from retrieval.parse.limits import ParseLimits
from retrieval.types import Block, BlockKind, ParsedDocument

_UNDERLINE = re.compile(r"([=\-~^\"'`#*+.:_!])\1{2,}\s*$")
_ADOC_HEADING = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*?)(?:[ \t]+\1)?[ \t]*$")
_ITEM = re.compile(r"[ \t]*(?:[-*+•‣·o]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)]|#\.)[ \t]+\S")
_RST_NOISE = re.compile(
    r"^[ \t]*(?:\.\. _[^\n]*:[^\n]*|\.\. \|[^\n]*"
    r"|\.\. (?:contents|toctree|index|currentmodule|module|highlight|meta)::[^\n]*"
    r"|[ \t]+:(?:local|depth|maxdepth|class|backlinks|hidden|glob|titlesonly|noindex|numbered|caption)"
    r"(?: [^\n]*)?:[^\n]*)\n",
    re.MULTILINE,
)
_RST_COMMENT = re.compile(r"^\.\.[ \t]+(?![\w:.+-]+::|\[|_|\|)[^\n]*\n(?:(?:[ \t]+[^\n]*)?\n)*?(?=\S|\Z)", re.MULTILINE)
_VTT_NOISE = re.compile(
    r"^(?:WEBVTT[^\n]*|(?:[^\n]+\n)?(?:\d+:)?\d\d:\d\d\.\d{3} --> [^\n]*)\n|<[^v>\n][^>\n]{0,79}>|</v>", re.MULTILINE
)
_VTT_VOICE = re.compile(r"<v(?:\.[^ >]*)? ([^>\n]{1,80})>")


def parse_text(path: Path, limits: ParseLimits, markup: str = "text") -> ParsedDocument:
    """Read a text file.

    Args:
        path: The file.
        limits: What it may use.
        markup: `text`, `rst` or `asciidoc`. In plain text only underlined headings count.

    Returns:
        The document.

    Raises:
        ParseError: When it is not text, too large or empty.
    """
    return text_document(clean_text(read_text(path, limits)), limits, markup)


def text_document(text: str, limits: ParseLimits, markup: str = "text") -> ParsedDocument:
    """Find the structure of text that is already clean; as `parse_text`.

    Args:
        text: The text; its lines end in newlines.
        limits: What it may use.
        markup: As for `parse_text`.

    Returns:
        The document.

    Raises:
        ParseError: When it is empty.
    """
    if markup == "rst":
        text = _RST_COMMENT.sub("", _RST_NOISE.sub("", text + "\n"))
    elif markup == "asciidoc":
        text = re.sub(r"^//(?!/)[^\n]*\n", "", text, flags=re.MULTILINE)
    elif text.startswith("WEBVTT"):
        text = re.sub(r"^(?:NOTE|STYLE|REGION)\b[^\n]*\n(?:[^\n]+\n)*", "", text, flags=re.MULTILINE)
        text = _VTT_VOICE.sub(r"\1: ", _VTT_NOISE.sub("", text))
    text = re.sub(r"[ \t]+\n", "\n", text).strip("\n").rstrip() + "\n"
    blocks = tuple(_blocks(text, markup))
    if not blocks:
        raise ParseError("empty_file", "The file holds no text. Upload a file with text in it.")
    return ParsedDocument(text, blocks, leading_title(text, blocks)[:MAX_TITLE_CHARS])


def _paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Give (offset, text) of the runs of lines between empty lines."""
    for match in re.finditer(r"(?:^[^\n]*\S[^\n]*\n?)+", text, re.MULTILINE):
        yield match.start(), match.group()


def _blocks(text: str, markup: str) -> Iterator[Block]:
    levels: dict[str, int] = {}
    expect_code = False
    for start, raw in _paragraphs(text):
        offset = start
        while True:  # several headings may stand on top of a paragraph without a line between
            heading = _heading(raw, markup, levels)
            if heading is None:
                break
            begin, end, level, used = heading
            yield Block("heading", offset + begin, offset + end, level)
            offset, raw = offset + used, raw[used:]
        body = raw.rstrip()
        if not body.strip() or (markup != "text" and _UNDERLINE.fullmatch(body.strip())):
            continue
        indented = body.startswith(("    ", "   ", "\t"))
        kind: BlockKind = "paragraph"
        if markup == "rst" and indented and expect_code:
            kind = "code"
        elif _ITEM.match(body):
            kind = "list"
        elif body.count(" | ") >= 2 or body.startswith(("|===", "+--", "+==")):
            kind = "table"
        lead = 0 if kind == "code" else len(body) - len(body.lstrip())
        yield Block(kind, offset + lead, offset + len(body))
        expect_code = body.endswith("::") or ".. code" in body or (expect_code and indented)


def _heading(raw: str, markup: str, levels: dict[str, int]) -> tuple[int, int, int, int] | None:
    """Find a heading at the start: (start, end, level, characters used), or None."""
    first, _, rest = raw.partition("\n")
    second, _, rest_after_second = rest.partition("\n")
    if markup == "asciidoc":
        match = _ADOC_HEADING.match(first)
        if match:
            return match.start(2), match.end(2), len(match.group(1)), min(len(first) + 1, len(raw))
        return None
    title, rule, above, used = first, second, "", len(first) + 1 + len(second) + 1
    if _UNDERLINE.fullmatch(first) and second.strip() and rest_after_second.startswith(first.strip()[:3]):
        third = rest_after_second.partition("\n")[0]
        title, rule, above, used = second, third, first, used + len(third) + 1
    match = _UNDERLINE.fullmatch(rule)
    words = title.strip()
    if match is None or not words or len(rule.strip()) < min(len(words), 60) - 2 or len(words) > 150:
        return None
    if _UNDERLINE.fullmatch(title) or (markup == "text" and rule[0] not in "=-~#*"):
        return None
    style = (above[:1] and "over") + rule[0]
    level = levels.setdefault(style, len(levels) + 1)
    begin = (len(above) + 1 if above else 0) + title.index(words)
    return begin, begin + len(words), level, min(used, len(raw))
