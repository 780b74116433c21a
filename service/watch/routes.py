"""`GET /v1/trials`: what is on trial, what live votes show of it, what a decision still waits for."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from service.access import Principal, require
from service.container import Container, container_of
from service.scopes import scopes_present
from service.watch.figures import ended_of, probation_of, trial_of

router = APIRouter(prefix="/v1/trials", tags=["versions"])
Operator = Annotated[Principal, Depends(require("operator"))]
Parts = Annotated[Container, Depends(container_of)]


class TrialOut(BaseModel):
    """A candidate on trial."""

    scope: str
    candidate: str
    champion: str = Field(description="beside which it is tried")
    began_at: float = Field(description="seconds since the epoch, when the watch first saw it")
    news_at: float | None = Field(description="when there last was a judgement that nobody had read")
    decision: dict[str, Any] = Field(
        description="the last one: action, reason, evidence with counts, net share won with its interval, guards, "
        "segments, and what is missing for a decision"
    )


class ProbationOut(BaseModel):
    """A champion that is new."""

    scope: str
    champion: str
    former: str
    began_at: float
    decision: dict[str, Any]


class EndedOut(BaseModel):
    """A trial or a probation that ended."""

    scope: str
    version: str
    champion: str | None
    became: str = Field(description="promoted or rolled_back")
    by: str
    reason: str
    at: float | None
    decision: dict[str, Any]


class TrialList(BaseModel):
    """All of it."""

    object: Literal["list"] = "list"
    data: list[TrialOut]
    probations: list[ProbationOut]
    ended: list[EndedOut] = Field(description="the newest first, ten a scope")


@router.get("", summary="Look at trials")
async def list_trials(_principal: Operator, parts: Parts) -> TrialList:
    """Show every trial that runs, champions that are new, and how the last trials ended."""
    shown = TrialList(data=[], probations=[], ended=[])
    for scope in await asyncio.to_thread(scopes_present, parts.settings):
        if (trial := await trial_of(parts.redis, scope)) is not None:
            shown.data.append(TrialOut.model_validate(trial))
        if (found := await probation_of(parts.redis, scope)) is not None:
            shown.probations.append(ProbationOut.model_validate({**found, "scope": str(scope)}))
        for ended in await ended_of(parts.redis, scope):
            shown.ended.append(EndedOut.model_validate({**ended, "scope": str(scope)}))
    return shown
