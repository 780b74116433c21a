"""What may be stored.

Attributes within OpenAI's limits, ids that are safe as directory names, names that a person can read.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping

from retrieval.errors import InvalidInput
from retrieval.types import Attributes

MAX_ATTRIBUTES = 16
MAX_KEY_CHARS = 64
MAX_VALUE_CHARS = 512
MAX_NAME_CHARS = 256
MAX_FILENAME_CHARS = 512
MAX_PAGE = 10_000
_COLLECTION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def attributes_json(attributes: Attributes | None) -> str:
    """Check attributes and write them canonically (sorted), so that equal attributes are equal text.

    Args:
        attributes: At most 16 pairs; keys of 1-64 characters; values are strings of at most 512 characters, booleans
            or finite numbers.

    Returns:
        JSON text.

    Raises:
        InvalidInput: When a limit is passed; the message says which.
    """
    pairs = dict(attributes or {})
    if len(pairs) > MAX_ATTRIBUTES:
        raise InvalidInput(
            f"There are {len(pairs)} attributes; at most {MAX_ATTRIBUTES} are allowed.", param="attributes"
        )
    for key, value in pairs.items():
        if not isinstance(key, str) or not 1 <= len(key) <= MAX_KEY_CHARS:
            raise InvalidInput(f"Attribute keys are text of 1 to {MAX_KEY_CHARS} characters.", param="attributes")
        if not isinstance(value, str | bool | int | float):
            raise InvalidInput(f"Attribute {key!r} is not text, a number or a boolean.", param="attributes")
        if isinstance(value, str) and len(value) > MAX_VALUE_CHARS:
            raise InvalidInput(f"Attribute {key!r} is longer than {MAX_VALUE_CHARS} characters.", param="attributes")
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidInput(f"Attribute {key!r} is not a finite number.", param="attributes")
        if not _storable(key) or (isinstance(value, str) and not _storable(value)):
            raise InvalidInput("Attributes hold a NUL or half a surrogate pair.", param="attributes")
    return json.dumps(pairs, sort_keys=True)


def metadata_json(attributes: Mapping[str, str] | None) -> str:
    """Check a collection's attributes, which are text only, and write them as JSON."""
    for key, value in (attributes or {}).items():
        if not isinstance(value, str):
            raise InvalidInput(f"Attribute {key!r} of a collection is not text.", param="attributes")
    return attributes_json(attributes)


def collection_id(value: str) -> str:
    """Check an id that a person chose; it becomes a directory name under the indexes."""
    if not _COLLECTION_ID.fullmatch(value):
        raise InvalidInput(
            "A collection id is 1 to 64 letters, digits, '.', '_' or '-', and starts with a letter or a digit.",
            param="collection_id",
        )
    return value


def name(value: str) -> str:
    """Check a collection's name."""
    if not value.strip() or len(value) > MAX_NAME_CHARS or not _storable(value):
        raise InvalidInput(f"A name has 1 to {MAX_NAME_CHARS} characters.", param="name")
    return value


def filename(value: str) -> str:
    """Make the client's file name fit to be shown. It is never used as a path."""
    shown = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in {"Cc", "Cs"} else c for c in value
    ).strip()
    if not shown:
        raise InvalidInput("The file has no name.", param="filename")
    return shown[-MAX_FILENAME_CHARS:]  # the end holds the extension


def readers(value: frozenset[str]) -> frozenset[str]:
    """Check the principals of an access list."""
    for principal in value:
        if not principal or len(principal) > MAX_NAME_CHARS or not _storable(principal):
            raise InvalidInput("A reader is '*', 'key:<id>', 'user:<id>' or 'group:<name>'.", param="readers")
    return value


def page_limit(value: int) -> int:
    """Check the length of a page."""
    if not 1 <= value <= MAX_PAGE:
        raise InvalidInput(f"A page has 1 to {MAX_PAGE} items.", param="limit")
    return value


def _storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
