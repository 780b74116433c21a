"""`/v1/training/cycles`: what is learned, when, how it ended and why; start one, cancel one."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import PlainTextResponse

from service.access import Principal, require
from service.container import Container, container_of
from service.cycles import store
from service.cycles.by_hand import cancel, find_cycle, parse_scope, start_now
from service.cycles.changed import ChangePage, changes_of
from service.cycles.curves import SeriesList, curves_of
from service.cycles.details import log_tail, read_details
from service.cycles.errors import CycleNotFound
from service.cycles.readers import access_lists
from service.cycles.schedule import look
from service.cycles.schemas import CycleDetails, CyclePage, CycleView, PlannedView, StartBody
from service.errors import ApiError
from service.files.paging import After
from service.redis.calls import ask_async

router = APIRouter(prefix="/v1/training/cycles", tags=["training"])
Operator = Annotated[Principal, Depends(require("operator"))]
Parts = Annotated[Container, Depends(container_of)]
CycleId = Annotated[str, Path(max_length=128)]


@router.get("", summary="List cycles")
async def list_cycles(
    _principal: Operator,
    parts: Parts,
    scope: Annotated[str | None, Query(max_length=200, description="Only cycles of this scope.")] = None,
    after: After = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> CyclePage:
    """List cycles, the newest first, and what the next one of each scope waits for."""
    only = None if scope is None else parse_scope(scope)
    found = await ask_async(parts.redis, store.newest(limit + 1, scope=scope or "", after=after or ""))
    if found is None:
        raise CycleNotFound(after or "", status=400, param="after")
    plan = await look(parts.redis, parts.settings, await asyncio.to_thread(access_lists, parts.catalog), only=only)
    data = [CycleView.of(cycle) for cycle in found[:limit]]
    return CyclePage(
        data=data,
        first_id=data[0].id if data else None,
        last_id=data[-1].id if data else None,
        has_more=len(found) > limit,
        next=[PlannedView.of(one) for one in plan.scopes],
    )


@router.post("", summary="Start a cycle now", status_code=201)
async def start_cycle(body: StartBody, _principal: Operator, parts: Parts) -> CycleView:
    """Start a cycle without waiting for the schedule; a worker takes it up within seconds."""
    return CycleView.of(await start_now(parts, body.scope, force=body.force))


@router.get("/{cycle_id}", summary="Look at a cycle")
async def get_cycle(cycle_id: CycleId, _principal: Operator, parts: Parts) -> CycleDetails:
    """Show a cycle with its figures, its verdict, what its data are made of, and the end of its log."""
    cycle = await find_cycle(parts, cycle_id)
    return CycleDetails.of_both(cycle, await asyncio.to_thread(read_details, cycle))


@router.get("/{cycle_id}/log", summary="Read a cycle's log", response_class=PlainTextResponse)
async def get_log(
    cycle_id: CycleId, _principal: Operator, parts: Parts, lines: Annotated[int, Query(ge=1, le=5000)] = 200
) -> PlainTextResponse:
    """Give the last lines of a cycle's log; empty where it has none yet."""
    cycle = await find_cycle(parts, cycle_id)
    return PlainTextResponse("".join(f"{line}\n" for line in await asyncio.to_thread(log_tail, cycle, lines)))


@router.get("/{cycle_id}/series", summary="Read a cycle's curves")
async def get_series(cycle_id: CycleId, _principal: Operator, parts: Parts) -> SeriesList:
    """Give losses, accuracies, distances and times of its training so far, also while it runs."""
    return await asyncio.to_thread(curves_of, await find_cycle(parts, cycle_id))


@router.get("/{cycle_id}/changes", summary="List the answers that a cycle changed")
async def list_changes(
    cycle_id: CycleId,
    _principal: Operator,
    parts: Parts,
    after: After = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> ChangePage:
    """Show held-out prompts to which the judged candidate says something else than the champion, both answers side by
    side; those first of which the judge is surest.
    """
    page = await asyncio.to_thread(changes_of, await find_cycle(parts, cycle_id), limit=limit, after=after)
    if page is None:
        raise ApiError(400, f"no changed answer {after!r} in this cycle", param="after")
    return page


@router.post("/{cycle_id}/cancel", summary="Cancel a cycle")
async def cancel_cycle(cycle_id: CycleId, principal: Operator, parts: Parts) -> CycleView:
    """Ask for a cycle's end. One that nobody works on ends at once, else its worker ends it within seconds."""
    return CycleView.of(await cancel(parts, cycle_id, principal.identity))
