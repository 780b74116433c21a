"""`/v1/versions`: what was learned, what serves, and the calls that change which.

A move is one atomic replace of a file in the registry; every process follows it within seconds, the one that was asked
before it answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query

from service.access import Principal, require
from service.container import Container, container_of
from service.errors import ApiError
from service.scopes import Scope
from service.versions import moves
from service.versions.figures import live_figures
from service.versions.follower import Problem
from service.versions.schemas import ForceBody, MoveBody, MovedOut, RollbackBody, VersionList, VersionWhole
from service.versions.scopes_shown import list_scopes
from service.versions.tell import tell_async
from service.versions.views import list_versions, whole_version
from training.registry.errors import NoSuchVersion, RegistryError

router = APIRouter(prefix="/v1/versions", tags=["versions"])
Operator = Annotated[Principal, Depends(require("operator"))]
Admin = Annotated[Principal, Depends(require("admin"))]
Parts = Annotated[Container, Depends(container_of)]
Name = Annotated[str, Path(max_length=256, description="of a version")]
T = TypeVar("T")


@router.get("", summary="List versions")
async def list_all(
    _principal: Operator,
    parts: Parts,
    scope: Annotated[str | None, Query(max_length=600, description="Only versions of this scope.")] = None,
) -> VersionList:
    """List every version with its verdict, its aliases, its share of the requests, and what it answered so far."""
    only = None if scope is None else _scope(scope)
    found = await asyncio.to_thread(list_versions, parts.settings, parts.policies.present, _problems(parts), only)
    scopes = await asyncio.to_thread(list_scopes, parts.settings, only)
    figures = await live_figures(parts.redis, [one.id for one in found])
    return VersionList(data=[one.model_copy(update={"live": figures.get(one.id, {})}) for one in found], scopes=scopes)


@router.get("/{version}", summary="Look at a version")
async def get_one(version: Name, _principal: Operator, parts: Parts) -> VersionWhole:
    """Show a version with its model card and every move of an alias that concerned it."""

    def read() -> VersionWhole:
        scope = moves.scope_of(parts.settings, version)
        return whole_version(parts.settings, version, scope, parts.policies.present, _problems(parts))

    shown = await _read(read)
    figures = await live_figures(parts.redis, [shown.id])
    return shown.model_copy(update={"live": figures.get(shown.id, {})})


@router.post("/rollback", summary="Bring the version before back")
async def rollback(body: RollbackBody, principal: Admin, parts: Parts) -> MovedOut:
    """Take the champion of a scope out of service and let the one before it serve again."""
    scope = _scope(body.scope)
    move = partial(moves.roll_back, parts.settings, scope, **_told(principal, body))
    return await _move(parts, body, move)


@router.post("/{version}/promote", summary="Let a version serve")
async def promote(version: Name, body: ForceBody, principal: Admin, parts: Parts) -> MovedOut:
    """Make a version the champion of its scope."""
    move = partial(moves.promote, parts.settings, version, force=body.force, **_told(principal, body))
    return await _move(parts, body, move)


@router.post("/{version}/trial", summary="Put a version on trial")
async def try_out(version: Name, body: ForceBody, principal: Admin, parts: Parts) -> MovedOut:
    """Let a version answer a share of the users of its scope until votes promote it or send it back."""
    move = partial(moves.try_out, parts.settings, version, force=body.force, **_told(principal, body))
    return await _move(parts, body, move)


@router.delete("/{version}/trial", summary="End a trial")
async def end_trial(
    version: Name,
    principal: Admin,
    parts: Parts,
    reason: Annotated[str, Query(max_length=1000, description="kept in the history")] = "",
) -> MovedOut:
    """Send the version on trial back; the champion answers everybody again."""
    body = MoveBody(reason=reason)
    return await _move(parts, body, partial(moves.end_trial, parts.settings, version, **_told(principal, body)))


async def _move(parts: Container, body: MoveBody, move: Callable[[], moves.Moved]) -> MovedOut:
    moved = await _read(move)
    if parts.following is not None:
        await parts.following.look()  # whoever asks next is answered by what now serves
    cycle = await tell_async(parts.redis, moved, body.reason)
    return MovedOut(
        scope=str(moved.scope),
        alias=moved.alias,
        before=moved.before,
        version=moved.version,
        sequence=moved.sequence,
        cycle=cycle,
    )


async def _read(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except NoSuchVersion as error:
        raise ApiError(404, str(error), code="version_not_found", param="version") from error
    except RegistryError as error:
        raise ApiError(409, str(error), code=_CODES.get(type(error).__name__, "conflict")) from error


_CODES = {
    "NotPromotable": "not_promotable",
    "StaleWriter": "stale_sequence",
    "NothingBefore": "nothing_before",
    "VersionDamaged": "version_damaged",
}


def _told(principal: Principal, body: MoveBody) -> dict[str, Any]:
    return {"who": principal.identity, "why": body.reason, "expected": body.expected}


def _scope(text: str) -> Scope:
    try:
        return Scope.parse(text)
    except ValueError as error:
        raise ApiError(400, str(error), param="scope") from error


def _problems(parts: Container) -> tuple[Problem, ...]:
    return () if parts.following is None else parts.following.follower.problems
