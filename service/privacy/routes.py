"""`/v1/users/...`: what people may ask of the data about them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from service.access import Principal, require
from service.container import Container, container_of
from service.errors import ApiError
from service.feedback import keys as feedback
from service.privacy import erasure as erasures
from service.privacy import keys, schemas
from service.privacy.identity import check_identity
from service.redis.calls import ask_async

router = APIRouter(prefix="/v1/users", tags=["users"])
User = Annotated[Principal, Depends(require("user"))]
Admin = Annotated[Principal, Depends(require("admin"))]
Parts = Annotated[Container, Depends(container_of)]
Name = Annotated[
    str, Path(max_length=400, description="`me`, or an identity such as `key:<id>/user:<end user>`, quoted.")
]
ME = "me"


@router.get("/{user:path}/consent", summary="Look at a consent")
async def get_consent(user: Name, principal: User, parts: Parts) -> schemas.ConsentView:
    """Tell whether what a person says may be used for training. Other people's is for operators."""
    identity, _ = _whose(user, principal)
    return schemas.ConsentView.of(identity, await parts.consents.get(identity))


@router.put("/{user:path}/consent", summary="Give or take back a consent")
async def put_consent(user: Name, body: schemas.ConsentBody, principal: User, parts: Parts) -> schemas.ConsentView:
    """Allow or forbid training on what a person says, from the next snapshot on and for what was said before too."""
    identity, own = _whose(user, principal)
    said = await parts.consents.put(identity, body.training, by="self" if own else "operator")
    return schemas.ConsentView.of(identity, said)


@router.get("/{user:path}/data", summary="Count what is kept of a person")
async def get_data(user: Name, principal: Admin, parts: Parts) -> schemas.DataView:
    """Count what Redis keeps of a person, and tell how far an erasure is."""
    identity, _ = _whose(user, principal)
    async with parts.redis.pipeline(transaction=False) as pipeline:
        pipeline.llen(feedback.user_answers(identity))
        pipeline.llen(feedback.voter(identity))
        pipeline.hgetall(keys.erasure(erasures.erasure_id(identity)))
        pipeline.get(keys.REWRITTEN)
        found: list[Any] = await pipeline.execute()
    answers, judgements, row, rewritten = found
    erased = erasures.read(row)
    shown = None if erased is None else schemas.ErasureView.of(erased, rewritten)
    return schemas.DataView(user=identity, answers=answers, judgements=judgements, erasure=shown)


@router.delete("/{user:path}/data", status_code=202, summary="Erase a person")
async def delete_data(
    user: Name,
    principal: Admin,
    parts: Parts,
    now: Annotated[bool, Query(description="Also rewrite Redis's file at once, instead of within a day.")] = False,
) -> schemas.ErasureView:
    """Erase what a person asked, was answered and said, and mark the versions that learned from it.

    It is noted when this answers, and done by a worker; `GET` the same address to see how far it is. Asking again is
    harmless.
    """
    identity, _ = _whose(user, principal)
    asked = await ask_async(parts.redis, erasures.request(identity, now=now, by=principal.owner))
    await asyncio.to_thread(parts.eraser.erasures)
    return schemas.ErasureView.of(asked, None)


def _whose(user: str, principal: Principal) -> tuple[str, bool]:
    """Give whose data are meant, and whether they are the caller's own."""
    identity = principal.identity if user == ME else check_identity(user)
    own = identity == principal.identity
    if not own and not (principal.has("operator") and principal.end_user is None):
        raise ApiError(403, "only operators may ask about others; say `me`", code="insufficient_role", param="user")
    return identity, own
