"""`require(role)`: the dependency through which every route but health and the page finds out who calls.

A caller shows a key (`Authorization`) or, from the page, the cookie of a session. A cookie goes along with requests
that other sites make, so what changes anything must also show that the page sent it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi import Request

from service.access.principal import Principal, Role
from service.errors import ApiError

if TYPE_CHECKING:
    from service.container import Container

USER_HEADER = "x-groundloop-user"
PAGE_HEADER = "x-groundloop-page"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_USER_CHARS = 256


def require(role: Role, *, browser: bool = False) -> Callable[..., Awaitable[Principal]]:
    """Make a dependency that lets a caller of at least this role in.

    Args:
        role: The least role.
        browser: Also take the key as the password of HTTP Basic, for pages that a browser opens by itself. Only for
            pages that change nothing: a browser sends Basic credentials along with requests that other sites make.

    Returns:
        The dependency; it gives the Principal, raises 401 without a valid key or session, 403 for a lesser role or a
            request of another site, 429 over the key's limit.
    """

    async def authenticate(request: Request) -> Principal:
        container: Container = request.app.state.container
        principal = _who(request, container, browser)
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


def session_token(request: Request, container: Container) -> str | None:
    """Give the session's token that a request carries; None where a key is shown, which goes first."""
    if "authorization" in request.headers:
        return None
    return request.cookies.get(container.sessions.cookie) or None


def check_same_site(request: Request) -> None:
    """Raise 403 for a request that a browser made for a page that is not ours.

    `Sec-Fetch-Site` is the browser's own word, whatever a proxy made of `Host`; older browsers, and those that came by
    plain HTTP, send `Origin` alone.
    """
    fetch_site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if fetch_site is not None:
        ours = fetch_site in ("same-origin", "none")
    else:
        ours = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not ours:
        raise ApiError(403, "another site's page sent this; sign in and do it here", code="cross_site")


def _who(request: Request, container: Container, browser: bool) -> Principal:
    if token := session_token(request, container):
        session = container.sessions.find(token)
        principal = container.keys.standing(session.key_id) if session else None
        if principal is None:
            raise _refused("this session has ended; sign in again", browser)
        if request.method not in SAFE_METHODS:
            check_same_site(request)
            if request.headers.get(PAGE_HEADER) != "1":
                raise ApiError(
                    403,
                    "a session changes things from the page alone; send `X-Groundloop-Page: 1`, or use a key",
                    code="cross_site",
                )
        return principal
    secret = _secret(request, browser)
    principal = container.keys.authenticate(secret) if secret else None
    if principal is None:
        message = (
            "no such API key, or it has ended or was revoked"
            if secret
            else "no API key: send `Authorization: Bearer gl_...`"
        )
        raise _refused(message, browser)
    return principal


class _Refused(ApiError):
    """A 401 that asks a browser for the key."""

    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Basic realm="Groundloop: the key is the password"'}


def _refused(message: str, browser: bool) -> ApiError:
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
