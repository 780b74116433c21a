"""How the sandbox child and its parent talk: length-prefixed JSON over pipes. JSON, so that a child that a hostile file
has taken over can lie about text, and do nothing else to its parent."""

from __future__ import annotations

import json
import struct
from typing import Any, get_args

from retrieval.errors import ParseError, ParseErrorCode
from retrieval.types import Block, BlockKind, ParsedDocument

HEADER = struct.Struct(">Q")
_CODES: frozenset[str] = frozenset(get_args(ParseErrorCode))
_KINDS: tuple[BlockKind, ...] = get_args(BlockKind)


class WireError(Exception):
    """The peer sent something that is not a message."""


def encode(message: dict[str, Any]) -> bytes:
    """Frame a message."""
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="replace")
    return HEADER.pack(len(body)) + body


def decode(body: bytes) -> dict[str, Any]:
    """Read the body of a frame.

    Args:
        body: UTF-8 JSON.

    Returns:
        The message.

    Raises:
        WireError: When it is not a JSON object.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise WireError("not JSON") from None
    if not isinstance(message, dict):
        raise WireError("not an object")
    return message


def pack_document(document: ParsedDocument) -> dict[str, Any]:
    """Give a document as plain JSON values."""
    blocks = [[_KINDS.index(b.kind), b.start, b.end, b.level, b.page] for b in document.blocks]
    return {
        "text": document.text,
        "blocks": blocks,
        "title": document.title,
        "metadata": dict(document.metadata),
    }


def unpack_document(value: object) -> ParsedDocument:
    """Check and build a document from JSON values.

    Args:
        value: What `pack_document` gave.

    Returns:
        The document.

    Raises:
        WireError: When the values do not describe one.
    """
    try:
        _check(isinstance(value, dict))
        text, title, metadata = value["text"], value["title"], value["metadata"]  # type: ignore[index]
        _check(isinstance(text, str) and isinstance(title, str) and isinstance(metadata, dict))
        blocks, at = [], 0
        for kind, start, end, level, page in value["blocks"]:  # type: ignore[index]
            _check(isinstance(start, int) and isinstance(end, int) and isinstance(level, int))
            _check(at <= start < end <= len(text) and (page is None or isinstance(page, int)))
            blocks.append(Block(_KINDS[kind], start, end, level, page))
            at = end
        facts = {str(key): str(item) for key, item in metadata.items()}
    except (KeyError, TypeError, ValueError, IndexError):
        raise WireError("not a document") from None
    return ParsedDocument(text, tuple(blocks), title, facts)


def _check(holds: bool) -> None:
    if not holds:
        raise WireError("not a document")


def unpack_error(message: dict[str, Any]) -> ParseError:
    """Build the error a child reported; a code nobody knows becomes `invalid_file`."""
    code, text = message.get("code"), str(message.get("message", ""))[:1000]
    known: ParseErrorCode = code if code in _CODES else "invalid_file"
    return ParseError(known, text or "The file could not be read.")
