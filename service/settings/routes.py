"""`GET /v1/settings`: the configuration as it is in force, secrets masked."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from service.access import Principal, require
from service.container import Container, container_of

router = APIRouter(prefix="/v1/settings", tags=["settings"])
Admin = Annotated[Principal, Depends(require("admin"))]
Parts = Annotated[Container, Depends(container_of)]


class SettingOut(BaseModel):
    """One setting."""

    name: str
    env: str = Field(description="The variable that sets it.")
    value: str = Field(description="In force in the process that was asked.")
    default: str
    changed: bool = Field(description="It is not the default.")
    description: str
    masked: bool = Field(description="It is a secret, or holds one: not all of it is shown.")


class SettingList(BaseModel):
    """Every setting, in the order of docs/settings.md."""

    object: Literal["list"] = "list"
    data: list[SettingOut]
    has_more: Literal[False] = False


@router.get("", summary="List the settings in force")
async def list_settings(_principal: Admin, parts: Parts) -> SettingList:
    """List every setting with its value. They are read when a process starts and cannot be changed here."""
    return SettingList(
        data=[
            SettingOut(
                name=row.name,
                env=row.variable,
                value=row.value,
                default=row.default,
                changed=row.changed,
                description=row.meaning,
                masked=row.masked,
            )
            for row in parts.settings.describe()
        ]
    )
