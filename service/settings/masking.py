"""Hides what is secret in a setting that is shown: passwords and keys inside addresses."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit, urlunsplit

HIDDEN = "***"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_SECRET_NAME = re.compile(r"key|secret|token|passw|pwd|sig|credential|auth", re.IGNORECASE)


def masked(text: str) -> str:
    """Give a text with stars for the passwords in its addresses, and for values that an address names as secret.

    Args:
        text: Of a setting.

    Returns:
        The same text where nothing was hidden.
    """
    return _ADDRESS.sub(lambda found: _masked_address(found.group()), text)


def _masked_address(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets that are no IPv6 address: nobody knows what is where
        return f"{address.partition('://')[0]}://{HIDDEN}"
    netloc, at, host = parts.netloc.rpartition("@")
    port = parts.netloc.partition(":")[2]
    if not at and "@" in parts.path and port and not port.isdigit():  # a slash in the password ended the name early
        return f"{parts.scheme}://{HIDDEN}@{address.rpartition('@')[2]}"
    user, colon, _ = netloc.partition(":")
    shown = f"{user}:{HIDDEN}" if colon else HIDDEN  # without a password the name itself may be a token
    hidden = SplitResult(
        parts.scheme,
        f"{shown}@{host}" if at else parts.netloc,
        parts.path,
        "&".join(map(_masked_pair, parts.query.split("&"))),
        parts.fragment,
    )
    # Written anew only where something was hidden: an address would else lose an empty query.
    return address if hidden == parts else urlunsplit(hidden)


def _masked_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={HIDDEN}" if equals and value and _SECRET_NAME.search(name) else pair
