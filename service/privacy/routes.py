"""`/v1/users/...`: what people may ask of the data about them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from service.access import Principal, require
from service.container import Container, container_of
from service.errors import ApiError
from service.privacy.consent import Consent
from service.privacy.identity import check_identity

router = APIRouter(prefix="/v1/users", tags=["users"])
User = Annotated[Principal, Depends(require("user"))]
Parts = Annotated[Container, Depends(container_of)]
Name = Annotated[
    str, Path(max_length=400, description="`me`, or an identity such as `key:<id>/user:<end user>`, quoted.")
]
ME = "me"


class ConsentBody(BaseModel):
    """What a person allows."""

    model_config = ConfigDict(extra="forbid")

    training: bool = Field(description="Whether what this person asks and says may be used for training.", strict=True)


class ConsentView(BaseModel):
    """What holds for a person."""

    object: Literal["consent"] = "consent"
    user: str
    training: bool
    changed_at: float | None = Field(description="Seconds since the epoch; null where the default holds.")
    by: Literal["self", "operator"] | None


@router.get("/{user:path}/consent", summary="Look at a consent")
async def get_consent(user: Name, principal: User, parts: Parts) -> ConsentView:
    """Tell whether what a person says may be used for training. Other people's is for operators."""
    identity, _ = _whose(user, principal)
    return _view(identity, await parts.consents.get(identity))


@router.put("/{user:path}/consent", summary="Give or take back a consent")
async def put_consent(user: Name, body: ConsentBody, principal: User, parts: Parts) -> ConsentView:
    """Allow or forbid training on what a person says, from the next snapshot on and for what was said before too."""
    identity, own = _whose(user, principal)
    return _view(identity, await parts.consents.put(identity, body.training, by="self" if own else "operator"))


def _whose(user: str, principal: Principal) -> tuple[str, bool]:
    """Give whose data are meant, and whether they are the caller's own."""
    identity = principal.identity if user == ME else check_identity(user)
    own = identity == principal.identity
    if not own and not (principal.has("operator") and principal.end_user is None):
        raise ApiError(403, "only operators may ask about others; say `me`", code="insufficient_role", param="user")
    return identity, own


def _view(identity: str, consent: Consent) -> ConsentView:
    return ConsentView(user=identity, training=consent.training, changed_at=consent.at, by=consent.by)
