"""`GET /v1/overview`: how each part is, what waits, what serves, what is said a day."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from service.container import Container, container_of
from service.feedback.routes import Everybodys
from service.overview.schemas import OverviewOut

router = APIRouter(prefix="/v1/overview", tags=["overview"])
Parts = Annotated[Container, Depends(container_of)]


@router.get("", summary="Look at everything at once")
async def get_overview(_operator: Everybodys, parts: Parts) -> OverviewOut:
    """Show everything at once, not older than two seconds. It answers while Redis is away, without what Redis knows."""
    return await parts.overview.read()
