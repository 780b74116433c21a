"""`require(role)`: the dependency through which every route but health finds out who calls."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from fastapi import Request

from service.access.principal import Principal, Role
from service.errors import ApiError

if TYPE_CHECKING:
    from service.container import Container

USER_HEADER = "x-groundloop-user"
MAX_USER_CHARS = 256


def require(role: Role, *, browser: bool = False) -> Callable[..., Awaitable[Principal]]:
    """Make a dependency that lets a caller of at least this role in.

    Args:
        role: The least role.
        browser: Also take the key as the password of HTTP Basic, for pages that a browser opens by itself. Only for
            pages that change nothing: a browser sends Basic credentials along with requests that other sites make.

    Returns:
        The dependency; it gives the Principal, raises 401 without a valid key, 403 for a lesser role, 429 over the
            key's limit.
    """

    async def authenticate(request: Request) -> Principal:
        container: Container = request.app.state.container
        secret = _secret(request, browser)
        principal = container.keys.authenticate(secret) if secret else None
        if principal is None:
            raise _refused(secret, browser)
        if not principal.has(role):
            raise ApiError(
                403, f"this needs a key with role `{role}`; yours is `{principal.role}`", code="insufficient_role"
            )
        container.limits.check(principal)
        end_user = request.headers.get(USER_HEADER)
        if end_user:
            if not principal.trusted:
                raise ApiError(403, f"this key may not name an end user; leave out {USER_HEADER}", code="not_trusted")
            principal = principal.acting_for(check_end_user(end_user, param=USER_HEADER))
        request.state.key_id = principal.key_id
        return principal

    return authenticate


def check_end_user(name: str, *, param: str) -> str:
    """Give the end user's id back if it can be one; else raise 400."""
    if len(name) > MAX_USER_CHARS or not name.isprintable():
        raise ApiError(400, f"an end user's id is up to {MAX_USER_CHARS} printable characters", param=param)
    return name


class _Refused(ApiError):
    """A 401 that asks a browser for the key."""

    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Basic realm="Groundloop: the key is the password"'}


def _refused(secret: str | None, browser: bool) -> ApiError:
    if secret:
        message = "no such API key, or it has ended or was revoked"
    else:
        message = "no API key: send `Authorization: Bearer gl_...`"
    return (_Refused if browser else ApiError)(401, message)


def _secret(request: Request, browser: bool) -> str | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if browser and scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2] or None
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None
