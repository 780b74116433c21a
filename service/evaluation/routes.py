"""`/v1/evaluation`: the operator's golden questions, and how versions do on them."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from service.access import Principal, require
from service.container import Container, container_of
from service.errors import ApiError
from service.evaluation.golden import BySetting, GoldenSet, drop_set, put_set, read_set
from service.evaluation.runs import Run
from service.evaluation.schemas import GoldenOut, RunBody, RunOut, RunWhole
from service.files.paging import After, ListOf
from training.evaluation.golden import GoldenError

router = APIRouter(prefix="/v1/evaluation", tags=["evaluation"])
Operator = Annotated[Principal, Depends(require("operator"))]
Parts = Annotated[Container, Depends(container_of)]
RunId = Annotated[str, Path(max_length=128)]
_TOLD = 20  # wrong lines in a message
_JSONL = {
    "required": True,
    "content": {"application/x-ndjson": {"schema": {"type": "string", "description": "One question a line."}}},
}


@router.get("/golden", summary="Look at the golden set")
async def get_golden(_principal: Operator, parts: Parts) -> GoldenOut:
    """Show the golden set as it is now, with its first questions."""
    return await _shown(parts, await asyncio.to_thread(read_set, parts.settings))


@router.put("/golden", summary="Upload the golden set", openapi_extra={"requestBody": _JSONL})
async def put_golden(request: Request, _principal: Operator, parts: Parts) -> GoldenOut:
    """Replace the golden set; every line is checked first, and its questions are asked in the background."""
    content = await request.body()
    try:
        golden = await asyncio.to_thread(put_set, parts.settings, content)
    except BySetting:
        raise _by_setting() from None
    except GoldenError as error:
        told = [f"line {line}: {reason}" if line else f"the set {reason}" for line, reason in error.problems]
        more = [f"and {len(told) - _TOLD} more"] if len(told) > _TOLD else []
        message = "; ".join(told[:_TOLD] + more)
        raise ApiError(400, message, code="invalid_golden_set", param="body") from error
    await _start(parts, golden, "")
    return await _shown(parts, golden)


@router.delete("/golden", summary="Delete the golden set")
async def delete_golden(_principal: Operator, parts: Parts) -> GoldenOut:
    """Delete the uploaded golden set; runs over it stay."""
    try:
        await asyncio.to_thread(drop_set, parts.settings)
    except BySetting:
        raise _by_setting() from None
    return await _shown(parts, await asyncio.to_thread(read_set, parts.settings))


@router.post("/runs", summary="Run the golden set", status_code=202)
async def start_run(body: RunBody, _principal: Operator, parts: Parts) -> RunOut:
    """Ask a version every golden question, in the background. One that is asked just that already is given again."""
    golden = await asyncio.to_thread(read_set, parts.settings)
    if golden.problem:
        raise ApiError(409, golden.problem, code="no_golden_set")
    if not golden.questions:
        raise ApiError(409, "there is no golden set; upload one first", code="no_golden_set")
    if body.version is not None and not await asyncio.to_thread(_there, parts, body.version):
        message = f"there is no version {body.version}; GET /v1/versions lists them"
        raise ApiError(404, message, code="version_not_found", param="version")
    return RunOut.of(await _start(parts, golden, body.version or ""))


@router.get("/runs", summary="List runs")
async def list_runs(
    _principal: Operator, parts: Parts, after: After = None, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> ListOf[RunOut]:
    """List runs, the newest first."""
    found = await asyncio.to_thread(parts.runs.newest)
    if after is not None:
        ids = [run.id for run in found]
        if after not in ids:
            raise ApiError(400, f"no run {after!r}", code="run_not_found", param="after")
        found = found[ids.index(after) + 1 :]
    return ListOf.of([RunOut.of(run) for run in found[:limit]], len(found) > limit)


@router.get("/runs/{run_id}", summary="Look at a run")
async def get_run(run_id: RunId, _principal: Operator, parts: Parts) -> RunWhole:
    """Show a run with the questions whose answers fail."""
    run = await _run(parts, run_id)
    return RunWhole.of_both(run, await asyncio.to_thread(parts.runs.failing, run))


@router.post("/runs/{run_id}/cancel", summary="Cancel a run")
async def cancel_run(run_id: RunId, _principal: Operator, parts: Parts) -> RunOut:
    """Ask for a run's end; it ends within seconds."""
    run = await _run(parts, run_id)
    if run.finished:
        raise ApiError(409, f"run {run_id} is over: {run.state}", code="run_over", param="run_id")
    await asyncio.to_thread(parts.runs.cancel, run)
    parts.runner.ring()
    return RunOut.of(run)


async def _run(parts: Container, run_id: str) -> Run:
    run = await asyncio.to_thread(parts.runs.get, run_id)
    if run is None:
        raise ApiError(404, f"no run {run_id[:80]!r}", code="run_not_found", param="run_id")
    return run


async def _start(parts: Container, golden: GoldenSet, version: str) -> Run:
    def create() -> Run:
        for run in parts.runs.newest():
            if not run.finished and (run.asked_for, run.golden_sha256) == (version, golden.sha256):
                return run
        return parts.runs.create(golden.content, len(golden.questions), golden.sha256 or "", version)

    run = await asyncio.to_thread(create)
    parts.runner.ring()
    return run


async def _shown(parts: Container, golden: GoldenSet) -> GoldenOut:
    def count() -> int:
        found = parts.runs.found_passages(golden.sha256) if golden.sha256 else {}
        return sum(one.passages is not None or bool(found.get(one.id)) for one in golden.questions)

    return GoldenOut.of(golden, await asyncio.to_thread(count))


def _there(parts: Container, version: str) -> bool:
    from service.versions.standing import names_present
    from training.registry.versions import BASES

    loaded = parts.loaded and parts.policies.present.find(version) is not None
    return loaded or version in BASES.values() or version in names_present(parts.settings)


def _by_setting() -> ApiError:
    message = "GROUNDLOOP_GOLDEN_SET names the golden set: change that file, or unset it"
    return ApiError(409, message, code="golden_set_by_setting")
