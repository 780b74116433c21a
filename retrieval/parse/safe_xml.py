"""XML from strangers: no DTD entities, no external references, no network, bounded depth (libxml2's own 256)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.errors import ParseError

if TYPE_CHECKING:
    from lxml.etree import _Element


def parse_xml(data: bytes, what: str) -> _Element:
    """Parse a document.

    Args:
        data: The XML.
        what: What it is, for the message ("the file's main text").

    Returns:
        The root element.

    Raises:
        ParseError: `invalid_file` when it is not well-formed, or uses what only attacks use.
    """
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from None
        raise ParseError("invalid_file", f"The file is damaged: {what} cannot be read ({error.msg}).") from None


def local_name(element: _Element) -> str:
    """Give an element's name without its namespace; empty for anything that is not an element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: _Element, name: str) -> str | None:
    """Give an attribute by its local name, whatever its namespace."""
    for key, value in element.attrib.items():
        if str(key).rpartition("}")[2] == name:
            return str(value)
    return None
