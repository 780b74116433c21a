"""The names under which people's data are kept, as callers write them and as records may keep them for good."""

from __future__ import annotations

import re

from service.errors import ApiError
from service.feedback.codec import digest_of

_IDENTITY = re.compile(r"key:[^/\s]{1,64}(?:/user:(?P<user>.{1,256}))?")


def check_identity(identity: str) -> str:
    """Give an identity back if it can be one.

    Args:
        identity: As `Principal.identity` makes them.

    Returns:
        The same.

    Raises:
        ApiError: 400, with what one looks like.
    """
    found = _IDENTITY.fullmatch(identity)
    if found is None or not identity.isprintable():
        message = "a user is written `key:<id>`, or `key:<id>/user:<end user>` (quoted for a URL), or `me`"
        raise ApiError(400, message, param="user")
    return identity


def pseudonym(identity: str) -> str:
    """Name a person by a digest, for records that stay after everything else about them is gone."""
    return digest_of(b"identity", identity.encode())
