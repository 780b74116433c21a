"""PDF files: pypdf opens and limits them, pdfium reads the text, page by page with the position of every line."""

from __future__ import annotations

import ctypes
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval.errors import ParseError
from retrieval.parse.limits import ParseLimits
from retrieval.parse.pdf_layout import LEADER, Line, lay_out
from retrieval.parse.pdf_limits import inspect_pdf
from retrieval.types import ParsedDocument

_NAME_BYTES = 128
_DOTS = re.compile(r" ?(?:\.[ ]?){5,}")


def parse_pdf(path: Path, limits: ParseLimits) -> ParsedDocument:
    """Read a PDF.

    Args:
        path: The file.
        limits: What it may use.

    Returns:
        The document; every block carries its page.

    Raises:
        ParseError: When it is encrypted, damaged, too large, or holds pictures of text instead of text (`empty_file`).
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    facts = inspect_pdf(path, limits)

    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError:
        raise ParseError("invalid_file", "The PDF is damaged and cannot be opened. Export it again.") from None
    try:
        count = len(document)
        if count > limits.max_pages:
            raise ParseError(
                "file_too_large", f"The PDF has {count:,} pages; the limit is {limits.max_pages:,}. Split it."
            )
        pages, characters = [], 0
        for number in range(count):
            lines = list(_page_lines(document, number))
            characters += sum(len(line.text) for line in lines)
            if characters > limits.max_text_chars:
                raise ParseError(
                    "file_too_large", f"The PDF holds over {limits.max_text_chars:,} characters of text. Split it."
                )
            pages.append(lines)
    finally:
        document.close()
    if characters < 1:
        raise ParseError(
            "empty_file",
            f"No text was found on the {count} page(s): the PDF looks scanned. Run OCR on it and upload the result.",
        )
    return lay_out(pages, title=facts.pop("title", ""), metadata={**facts, "pages": str(count)}, limits=limits)


def _page_lines(document: Any, number: int) -> Iterator[Line]:
    """Give the lines of one page in reading order; a page that pdfium cannot read gives none."""
    import pypdfium2

    try:
        page = document[number]
    except pypdfium2.PdfiumError:
        return
    try:
        height = page.get_height()
        text = page.get_textpage()
    except pypdfium2.PdfiumError:
        page.close()
        return
    try:
        yield from _lines(text, height)
    finally:
        text.close()
        page.close()


def _lines(text: Any, page_height: float) -> Iterator[Line]:
    import pypdfium2.raw as raw

    get, handle = raw.FPDFText_GetUnicode, text.raw
    characters: list[str] = []
    places: list[int] = []
    for index in range(text.count_chars()):
        code = get(handle, index)
        if code in (10, 13):
            if characters:
                yield _line(text, characters, places, page_height)
                characters, places = [], []
        elif 0xDC00 <= code < 0xE000 and characters and 0xD800 <= ord(characters[-1]) < 0xDC00:
            high = ord(characters.pop())
            characters.append(chr(0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00)))
        elif code:
            characters.append(chr(code))
            places.append(index)
            continue
    if characters:
        yield _line(text, characters, places, page_height)


def _line(text: Any, characters: list[str], places: list[int], page_height: float) -> Line:
    content = "".join(characters)
    shown = [place for place, character in zip(places, characters, strict=False) if not character.isspace()] or places
    first, middle, last = shown[0], shown[len(shown) // 2], shown[-1]
    boxes = [text.get_charbox(place, loose=True) for place in (first, middle, last)]
    left = min(box[0] for box in boxes)
    right = max(box[2] for box in boxes)
    sizes = sorted(box[3] - box[1] for box in boxes)
    return Line(
        text=_DOTS.sub(LEADER, re.sub(r"[^\S\n]+", " ", content)).strip(),
        left=left,
        right=right,
        top=page_height - max(box[3] for box in boxes),
        bottom=page_height - min(box[1] for box in boxes),
        size=round(sizes[1] * 2) / 2,
        bold=_is_bold(text, first) and _is_bold(text, last),
        place=(page_height - boxes[1][1]) / page_height if page_height else 0.5,
    )


def _is_bold(text: Any, index: int) -> bool:
    import pypdfium2.raw as raw

    if raw.FPDFText_GetFontWeight(text.raw, index) >= 600:
        return True
    buffer, flags = ctypes.create_string_buffer(_NAME_BYTES), ctypes.c_int()
    raw.FPDFText_GetFontInfo(text.raw, index, buffer, _NAME_BYTES, flags)
    return b"bold" in buffer.value.lower() or b"black" in buffer.value.lower()
