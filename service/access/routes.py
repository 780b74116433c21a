"""`/v1/keys`: make, list and revoke API keys."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from service.access.keys import ApiKey
from service.access.principal import Principal, Role
from service.access.require import require
from service.container import Container, container_of
from service.errors import ApiError

router = APIRouter(prefix="/v1/keys", tags=["keys"])
Admin = Annotated[Principal, Depends(require("admin"))]
Parts = Annotated[Container, Depends(container_of)]
KeyId = Annotated[str, Path(max_length=64)]
Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]


class NewKey(BaseModel):
    """What a new key may do."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    role: Role = "user"
    groups: list[Name] = Field(default=[], max_length=64, description="groups whose collections the key may read")
    trusted: bool = Field(
        default=False, description="may name the end user it acts for; operators and admins always may"
    )
    segment: Name | None = Field(default=None, description="label by which results are reported")
    requests_per_minute: int | None = Field(
        default=None, ge=0, le=1_000_000_000, description="null: the setting; 0: no limit"
    )
    votes_per_minute: int | None = Field(
        default=None, ge=0, le=1_000_000_000, description="null: the setting; 0: no limit"
    )
    expires_in_s: int | None = Field(
        default=None, ge=1, le=100 * 365 * 86_400, description="lifetime; null: until revoked"
    )


class Key(BaseModel):
    """A key without its secret."""

    id: str
    object: Literal["key"] = "key"
    name: str
    role: Role
    last4: str
    groups: list[str]
    trusted: bool
    segment: str | None
    requests_per_minute: int | None
    votes_per_minute: int | None
    created_at: int
    expires_at: int | None
    revoked_at: int | None

    @classmethod
    def of(cls, key: ApiKey) -> Key:
        """Show a key."""
        return cls(**_fields(key))


class CreatedKey(Key):
    """A key with its secret, the only time that it is shown."""

    key: str = Field(description="the secret; it cannot be shown again")


class KeyList(BaseModel):
    """Every key, the newest first."""

    object: Literal["list"] = "list"
    data: list[Key]
    has_more: bool = False


class DeletedKey(BaseModel):
    """A key that was revoked."""

    id: str
    object: Literal["key.deleted"] = "key.deleted"
    deleted: bool = True


@router.post("", status_code=201, summary="Make a key")
def create_key(body: NewKey, principal: Admin, parts: Parts) -> CreatedKey:
    """Make a key; its secret is in this answer and nowhere else."""
    key, secret = parts.keys.create(
        body.name,
        body.role,
        groups=frozenset(body.groups),
        trusted=body.trusted,
        segment=body.segment,
        requests_per_minute=body.requests_per_minute,
        votes_per_minute=body.votes_per_minute,
        expires_at=None if body.expires_in_s is None else time.time() + body.expires_in_s,
    )
    return CreatedKey(**_fields(key), key=secret)


@router.get("", summary="List keys")
def list_keys(principal: Admin, parts: Parts) -> KeyList:
    """List every key, revoked ones included."""
    return KeyList(data=[Key.of(key) for key in parts.keys.list()])


@router.get("/{key_id}", summary="Look at a key")
def get_key(key_id: KeyId, principal: Admin, parts: Parts) -> Key:
    """Show one key."""
    key = parts.keys.get(key_id)
    if key is None:
        raise _no_key(key_id)
    return Key.of(key)


@router.delete("/{key_id}", summary="Revoke a key")
def revoke_key(key_id: KeyId, principal: Admin, parts: Parts) -> DeletedKey:
    """End a key; the very next request with it is refused."""
    if key_id == principal.key_id:
        raise ApiError(409, "a key cannot revoke itself; use another admin key, so that one is left that works")
    if parts.keys.revoke(key_id) is None:
        raise _no_key(key_id)
    return DeletedKey(id=key_id)


def _no_key(key_id: str) -> ApiError:
    return ApiError(404, f"no key `{key_id}`", code="key_not_found", param="key_id")


def _fields(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.key_id,
        "name": key.name,
        "role": key.role,
        "last4": key.last4,
        "groups": sorted(key.groups),
        "trusted": key.trusted,
        "segment": key.segment,
        "requests_per_minute": key.requests_per_minute,
        "votes_per_minute": key.votes_per_minute,
        "created_at": int(key.created_at),
        "expires_at": None if key.expires_at is None else int(key.expires_at),
        "revoked_at": None if key.revoked_at is None else int(key.revoked_at),
    }
