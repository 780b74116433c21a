"""`/v1/session`: how a browser signs in, finds out who it is, and signs out; and the one-time links."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.access.principal import Principal, Role
from service.access.require import PAGE_HEADER, check_same_site, require, session_token
from service.access.sessions import sign_in_url
from service.container import Container, container_of
from service.errors import ApiError

router = APIRouter(prefix="/v1/session", tags=["session"])
_user = require("user")
User = Annotated[Principal, Depends(_user)]
Admin = Annotated[Principal, Depends(require("admin"))]
Parts = Annotated[Container, Depends(container_of)]
Token = Annotated[str, Field(min_length=1, max_length=256)]


class SignIn(BaseModel):
    """A key, or the token of a one-time link."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    key: Token | None = Field(default=None, description="an API key")
    link: Token | None = Field(default=None, description="what stands behind `#sign-in=` in a one-time link")

    @model_validator(mode="after")
    def _one_of_them(self) -> SignIn:
        if (self.key is None) == (self.link is None):
            raise ValueError("send either `key` or `link`")
        return self


class SessionShown(BaseModel):
    """Who is signed in."""

    object: Literal["session"] = "session"
    role: Role
    key_id: str
    name: str = Field(description="the key's name")
    identity: str = Field(description="who votes, as the feedback log shows it")
    segment: str | None
    version: str = Field(description="of the service")
    end_user: str | None
    expires_at: int | None = Field(description="null for a key that never ends")


class NewLink(BaseModel):
    """There is nothing to choose; a body may be left out."""

    model_config = ConfigDict(extra="forbid")


class SessionLink(BaseModel):
    """An address that signs a browser in, once."""

    object: Literal["session.link"] = "session.link"
    url: str
    expires_at: int


@router.post("", summary="Sign in")
async def sign_in(body: SignIn, request: Request, response: Response, parts: Parts) -> SessionShown:
    """Begin a session with a key or a one-time link; the answer sets its cookie."""
    check_same_site(request)  # or another site could sign its visitors in as somebody else
    if body.key is not None:
        known = parts.keys.authenticate(body.key)
        if known is None:
            raise ApiError(401, "no such API key, or it has ended or was revoked")
        principal = known
    else:
        key_id = await asyncio.to_thread(parts.sessions.spend_link, body.link or "")
        linked = parts.keys.standing(key_id) if key_id else None
        if linked is None:
            raise ApiError(401, "this link was used, is too old, or is not of this home", code="link_spent")
        principal = linked
    parts.limits.check(principal)
    lasts_s = parts.settings.session_days * 86_400
    session, token = await asyncio.to_thread(parts.sessions.begin, principal.key_id, lasts_s=lasts_s)
    request.state.key_id = principal.key_id
    response.set_cookie(
        parts.sessions.cookie,
        token,
        max_age=int(lasts_s),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )
    return _shown(principal, request, parts, session.expires_at)


@router.get("", summary="Who is signed in", response_model=SessionShown, responses={204: {"description": "nobody"}})
async def get_session(request: Request, parts: Parts) -> SessionShown | Response:
    """Tell who the session, or the key, stands for; the page, which asks this first, gets 204 where nobody is."""
    try:
        principal = await _user(request)
    except ApiError as error:
        if error.status == 401 and request.headers.get(PAGE_HEADER) == "1" and "authorization" not in request.headers:
            return Response(status_code=204)  # not an error: browsers would show one
        raise
    token = session_token(request, parts)
    session = parts.sessions.find(token) if token else None
    return _shown(principal, request, parts, session.expires_at if session else None)


@router.delete("", status_code=204, summary="Sign out")
def sign_out(principal: User, request: Request, parts: Parts) -> Response:
    """End the session; with a key there is nothing to end."""
    if token := session_token(request, parts):
        parts.sessions.end(token)
    response = Response(status_code=204)
    response.delete_cookie(parts.sessions.cookie, path="/", httponly=True, samesite="strict")
    return response


@router.post("/links", status_code=201, summary="Make a one-time link")
def make_link(principal: Admin, request: Request, parts: Parts, body: NewLink | None = None) -> SessionLink:
    """Make an address that signs one browser in with the caller's key, within 15 minutes."""
    link, token = parts.sessions.make_link(principal.key_id)
    return SessionLink(url=sign_in_url(str(request.base_url), token), expires_at=int(link.expires_at))


def _shown(principal: Principal, request: Request, parts: Container, session_ends: float | None) -> SessionShown:
    key = parts.keys.get(principal.key_id)
    assert key is not None  # keys are revoked, never deleted
    ends = [at for at in (session_ends, key.expires_at) if at is not None]
    return SessionShown(
        role=principal.role,
        key_id=principal.key_id,
        name=key.name,
        identity=principal.identity,
        segment=principal.segment,
        version=request.app.version,
        end_user=principal.end_user,
        expires_at=int(min(ends)) if ends else None,
    )
