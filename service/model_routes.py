"""`/v1/models`: the routed alias, and every version that may be pinned."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel

from service.access import Principal, require
from service.container import Container, container_of
from service.errors import ApiError
from service.policies import ALIAS, version_name
from service.scopes import SHARED

router = APIRouter(prefix="/v1/models", tags=["models"])
Reader = Annotated[Principal, Depends(require("user"))]
Parts = Annotated[Container, Depends(container_of)]


class Model(BaseModel):
    """A name that the `model` field of a chat request may have."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = ALIAS


class ModelList(BaseModel):
    """All of them, the alias first."""

    object: Literal["list"] = "list"
    data: list[Model]
    has_more: bool = False


@router.get("", summary="List models")
def list_models(principal: Reader, parts: Parts) -> ModelList:
    """List the alias `groundloop`, which is routed, and each `groundloop@<version>` that everybody may pin."""
    loaded = [policy for policy in parts.policies.list() if policy.scope == SHARED]
    names = {ALIAS: loaded[0].loaded_at, **{f"{ALIAS}@{policy.version}": policy.loaded_at for policy in loaded}}
    if parts.following is not None:
        follower = parts.following.follower
        for version, published in follower.names.items():
            if published.scope == SHARED and follower.may_pin(version):
                names.setdefault(f"{ALIAS}@{version}", published.at)
    return ModelList(data=[Model(id=name, created=int(at)) for name, at in names.items()])


@router.get("/{model:path}", summary="Look at a model")
def get_model(model: Annotated[str, Path(max_length=256)], principal: Reader, parts: Parts) -> Model:
    """Show one name; a version may also be given as the name that its model has elsewhere, slashes and all."""
    alias, _, version = model.partition("@")
    wanted = f"{alias}@{version_name(version)}" if version else alias
    for known in list_models(principal, parts).data:
        if known.id == wanted:
            return known
    raise ApiError(404, f"no model `{model}`; GET /v1/models lists them", code="model_not_found", param="model")
