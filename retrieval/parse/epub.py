"""EPUB books: the chapters in reading order, by the package document's spine."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from urllib.parse import unquote

from retrieval.errors import ParseError
from retrieval.parse.archive import SafeZip
from retrieval.parse.builder import DocumentBuilder
from retrieval.parse.decode import decode_text
from retrieval.parse.html_walk import walk_html
from retrieval.parse.limits import ParseLimits
from retrieval.parse.safe_xml import attribute, local_name, parse_xml
from retrieval.types import ParsedDocument

# XHTML may close any element by itself; an HTML parser would read on to the end of the chapter inside it.
_SELF_CLOSED = re.compile(r"<(?!(?:br|hr|img|input|meta|link|col|area|base|source|wbr)\b)([a-zA-Z][\w:-]*)([^<>]*)/>")
_PAGES = {"application/xhtml+xml", "text/html"}


def parse_epub(path: Path, limits: ParseLimits) -> ParsedDocument:
    """Read an EPUB book.

    Args:
        path: The file.
        limits: What it may use.

    Returns:
        The document.

    Raises:
        ParseError: When it is damaged, protected, too large or empty.
    """
    with SafeZip(path, limits) as archive:
        if "META-INF/rights.xml" in archive.names:
            raise ParseError("encrypted_file", "The book is copy-protected. Upload a copy without protection.")
        package_name = _package(archive)
        package = parse_xml(archive.read(package_name), "its package document")
        folder = posixpath.dirname(package_name)
        manifest: dict[str, str] = {}
        spine: list[str] = []
        facts: dict[str, str] = {}
        for element in package.iter():
            name = local_name(element)
            if name == "item" and (element.get("media-type") or "") in _PAGES:
                if "nav" not in (element.get("properties") or "").split():
                    href = unquote((element.get("href") or "").partition("#")[0])
                    manifest[element.get("id") or ""] = posixpath.normpath(posixpath.join(folder, href))
            elif name == "itemref" and element.get("linear") != "no":
                spine.append(element.get("idref") or "")
            elif name in ("title", "creator", "language") and element.text:
                facts.setdefault("author" if name == "creator" else name, element.text)
        builder = DocumentBuilder(limits.max_text_chars)
        for identifier in spine:
            chapter = manifest.get(identifier)
            if chapter in archive.names and chapter is not None:
                source = _SELF_CLOSED.sub(r"<\1\2></\1>", decode_text(archive.read(chapter)))
                walk_html(source, builder, skip_page_furniture=False)
    return builder.build(title=facts.pop("title", ""), metadata=facts)


def _package(archive: SafeZip) -> str:
    container = parse_xml(archive.read("META-INF/container.xml"), "its container")
    for element in container.iter():
        if local_name(element) == "rootfile" and attribute(element, "full-path"):
            return attribute(element, "full-path") or ""
    raise ParseError("invalid_file", "The book is damaged: it names no package document. Export it again.")
