"""Word documents: headings, paragraphs, lists, tables, text boxes and notes, straight from the XML.

The XML is walked rather than read through python-docx: that library skips text boxes and content controls, cannot open
Strict documents, and holds a bomb in memory several times over. Comments, deleted text and field codes are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.parse.archive import SafeZip
from retrieval.parse.builder import DocumentBuilder
from retrieval.parse.limits import ParseLimits
from retrieval.parse.ooxml import core_properties, main_part, related_part
from retrieval.parse.safe_xml import attribute, local_name, parse_xml
from retrieval.types import ParsedDocument

if TYPE_CHECKING:
    from lxml.etree import _Element

_HEADING_STYLE = re.compile(r"heading\s*([1-9])$", re.IGNORECASE)
_CODE_STYLE = re.compile(r"code|preformatted|macro text|plain text", re.IGNORECASE)
_SKIPPED = {"del", "moveFrom", "instrText", "delText", "Fallback", "rPr", "pPr", "tblPr", "trPr", "tcPr", "sectPr"}
_CONTAINERS = {"sdt", "sdtContent", "smartTag", "customXml", "ins", "moveTo", "AlternateContent", "Choice"}
_MAX_DEPTH = 60


class _Styles:
    """What the named styles say: heading level, list or code, through the chain of styles they are based on."""

    def __init__(self, root: _Element | None) -> None:
        self._found: dict[str, tuple[str, int]] = {}
        self._raw = {
            attribute(s, "styleId") or "": s for s in ([] if root is None else root) if local_name(s) == "style"
        }

    def kind(self, style_id: str) -> tuple[str, int]:
        """Give ("heading", level), ("list", 0), ("code", 0) or ("", 0)."""
        if style_id not in self._found:
            self._found[style_id] = self._resolve(style_id)
        return self._found[style_id]

    def _resolve(self, style_id: str) -> tuple[str, int]:
        for _ in range(12):  # a chain of styles may be a ring
            style = self._raw.get(style_id)
            if style is None:
                match = _HEADING_STYLE.match(style_id)
                return ("heading", int(match.group(1))) if match else ("", 0)
            values = {local_name(e): attribute(e, "val") or "" for e in style.iter() if local_name(e)}
            name = values.get("name", "")
            match = _HEADING_STYLE.match(name)
            if match:
                return "heading", int(match.group(1))
            if name.lower() == "title":
                return "heading", 1
            if values.get("outlineLvl", "9").isdigit() and int(values.get("outlineLvl", "9")) < 9:
                return "heading", int(values["outlineLvl"]) + 1
            if _CODE_STYLE.search(name):
                return "code", 0
            if "numPr" in values:
                return "list", 0
            style_id = values.get("basedOn", "")
        return "", 0


def parse_docx(path: Path, limits: ParseLimits) -> ParsedDocument:
    """Read a Word document.

    Args:
        path: The file.
        limits: What it may use.

    Returns:
        The document; Word files have no fixed pages, so blocks carry none.

    Raises:
        ParseError: When it is damaged, too large, encrypted or empty.
    """
    with SafeZip(path, limits) as archive:
        main = main_part(archive, "word/document.xml")
        styles_part = related_part(archive, main, "styles")
        styles = _Styles(parse_xml(archive.read(styles_part), "its list of styles") if styles_part else None)
        builder = DocumentBuilder(limits.max_text_chars)
        walker = _Walker(builder, styles)
        for element in parse_xml(archive.read(main), "its main text"):
            walker.blocks(element, 0)
        walker.end_list()
        for kind in ("footnotes", "endnotes"):
            notes = related_part(archive, main, kind)
            if notes:
                for note in parse_xml(archive.read(notes), "its notes"):
                    walker.blocks(note, 0)
        properties = core_properties(archive)
    return builder.build(title=properties.get("title", ""), metadata=properties)


class _Walker:
    def __init__(self, builder: DocumentBuilder, styles: _Styles) -> None:
        self._builder = builder
        self._styles = styles
        self._pending: list[str] = []
        self._pending_kind = ""

    def end_list(self) -> None:
        """Write the list or code that is being collected; its items are one block."""
        if self._pending:
            self._builder.add("code" if self._pending_kind == "code" else "list", "\n".join(self._pending))
            self._pending = []

    def _collect(self, kind: str, text: str) -> None:
        if self._pending_kind != kind:
            self.end_list()
        self._pending_kind = kind
        self._pending.append(text)

    def blocks(self, element: _Element, depth: int) -> None:
        """Write the paragraphs and tables under an element."""
        name = local_name(element)
        if name in _SKIPPED or depth > _MAX_DEPTH:
            return
        if name == "p":
            self._paragraph(element, depth)
        elif name == "tbl":
            self.end_list()
            self._builder.add_table(_table_rows(element, depth))
        else:
            for child in element:
                self.blocks(child, depth + 1)

    def _paragraph(self, element: _Element, depth: int) -> None:
        text = "".join(_runs(element, 0))
        if text.strip():
            kind, level = self._kind(element)
            if kind == "list":
                self._collect("list", "- " + " ".join(text.split()))
            elif kind == "code":
                self._collect("code", text)
            else:
                self.end_list()
                if kind == "heading":
                    self._builder.add("heading", text, level=level)
                else:
                    self._builder.add("paragraph", text)
        for box in _text_boxes(element):
            for child in box:
                self.blocks(child, depth + 1)

    def _kind(self, element: _Element) -> tuple[str, int]:
        properties = next((child for child in element if local_name(child) == "pPr"), None)
        if properties is None:
            return "", 0
        style, numbered = ("", 0), False
        for item in properties:
            name = local_name(item)
            if name == "pStyle":
                style = self._styles.kind(attribute(item, "val") or "")
            elif name == "numPr":
                ids = [attribute(e, "val") for e in item if local_name(e) == "numId"]
                numbered = ids != ["0"]  # 0 takes the numbering of the style away
            elif name == "outlineLvl" and (attribute(item, "val") or "9") in "012345678":
                return "heading", int(attribute(item, "val") or "0") + 1
        return ("list", 0) if numbered and style[0] not in ("heading", "code") else style


def _runs(element: _Element, depth: int) -> Iterator[str]:
    """Give the visible text of a paragraph, without its text boxes."""
    for child in element:
        name = local_name(child)
        if name in _SKIPPED or name in ("txbxContent", "drawing", "pict", "object") or depth > _MAX_DEPTH:
            continue
        if name == "t":
            yield child.text or ""
        elif name in ("tab", "ptab"):
            yield "\t"
        elif name in ("br", "cr"):
            yield "\n"
        elif name == "noBreakHyphen":
            yield "-"
        elif name == "sym":
            continue  # a code point of a symbol font means nothing as text
        elif name == "r" and _hidden(child):
            continue
        else:
            yield from _runs(child, depth + 1)


def _hidden(run: _Element) -> bool:
    """Tell whether a run is formatted as hidden: nobody who reads the document sees it."""
    for properties in run:
        if local_name(properties) == "rPr":
            for item in properties:
                if local_name(item) == "vanish" and (attribute(item, "val") or "1") not in ("0", "false", "off"):
                    return True
    return False


def _text_boxes(element: _Element) -> Iterator[_Element]:
    """Give the text boxes anchored in a paragraph; a drawing's legacy copy under `Fallback` is not read again."""
    stack = [element]
    while stack:
        for child in reversed(list(stack.pop())):
            name = local_name(child)
            if name == "txbxContent":
                yield child
            elif name not in ("Fallback", "t"):
                stack.append(child)


def _table_rows(table: _Element, depth: int) -> Iterator[list[str]]:
    for row in _inside(table, "tr"):
        cells = []
        for cell in _inside(row, "tc"):
            merged = next((e for p in cell if local_name(p) == "tcPr" for e in p if local_name(e) == "vMerge"), None)
            continued = merged is not None and attribute(merged, "val") in (None, "continue")
            cells.append("" if continued else " ".join(_cell_text(cell, depth)))
        yield cells


def _inside(element: _Element, wanted: str) -> Iterator[_Element]:
    for child in element:
        name = local_name(child)
        if name == wanted:
            yield child
        elif name in _CONTAINERS:
            yield from _inside(child, wanted)


def _cell_text(cell: _Element, depth: int) -> Iterator[str]:
    """Give the pieces of text in a cell; a table inside it is flattened into the row."""
    if depth > _MAX_DEPTH:
        return
    for child in cell:
        name = local_name(child)
        if name == "p":
            yield "".join(_runs(child, 0))
            for box in _text_boxes(child):
                yield from _cell_text(box, depth + 1)
        elif name == "tbl":
            for row in _table_rows(child, depth + 1):
                yield "; ".join(value for value in row if value.strip())
        elif name not in _SKIPPED:
            yield from _cell_text(child, depth + 1)
