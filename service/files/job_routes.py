"""`/v1/jobs`: what works in the background, with its progress.

Ingestions are read from the documents themselves and cycles of learning from their rows, so that none can disagree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field
from redis.exceptions import RedisError

from retrieval.errors import CollectionNotFound
from retrieval.types import Caller, Document
from service.access import Principal, require
from service.container import Container, container_of
from service.cycles import by_hand, store
from service.cycles.cycle import Cycle
from service.cycles.details import log_tail
from service.cycles.jobs import TrainingJob, training_jobs
from service.errors import ApiError
from service.files.job_log import ingestion_log
from service.files.paging import After, Limit, ListOf, Order
from service.files.shapes import LastError, Status
from service.redis.calls import ask_async

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
Operator = Annotated[Principal, Depends(require("operator"))]
Parts = Annotated[Container, Depends(container_of)]
JobId = Annotated[str, Path(max_length=512)]
INGEST, TRAIN = "ingest", "train"


class Job(BaseModel):
    """One ingestion."""

    id: str
    object: Literal["job"] = "job"
    kind: Literal["ingest"] = "ingest"
    status: Status
    stage: str
    percent: int
    attempts: int
    created_at: int
    updated_at: int
    last_error: LastError | None
    vector_store_id: str
    file_id: str
    filename: str

    @classmethod
    def of(cls, document: Document) -> Job:
        """Show a document as the job that ingests it."""
        return cls(
            id=f"{INGEST}:{document.collection_id}:{document.document_id}",
            status=document.status,
            stage=document.stage,
            percent=document.percent,
            attempts=document.attempts,
            created_at=int(document.created_at),
            updated_at=int(document.updated_at),
            last_error=None if document.last_error is None else LastError.of(document.last_error),
            vector_store_id=document.collection_id,
            file_id=document.document_id,
            filename=document.filename,
        )


AnyJob = Annotated[Job | TrainingJob, Field(discriminator="kind")]
Kind = Literal["ingest", "train"]


@router.get("", summary="List jobs")
async def list_jobs(
    principal: Operator,
    parts: Parts,
    status: Annotated[Status | None, Query(description="only jobs with this status")] = None,
    kind: Annotated[Kind | None, Query(description="only ingestions, or only cycles of learning")] = None,
    after: After = None,
    limit: Limit = 20,
    order: Order = "desc",
) -> ListOf[AnyJob]:
    """List cycles of learning and the ingestions of all vector stores: first the newest cycles, then the newest
    ingestions; with `asc` the same from the other end. While Redis is away only ingestions are listed.
    """
    kinds: list[str] = [kind] if kind else ["train", "ingest"] if order == "desc" else ["ingest", "train"]
    at = None if after is None else after.partition(":")[0]
    if at is not None:
        if at not in kinds:
            raise _nothing_after(after)
        kinds = kinds[kinds.index(at) :]
    jobs: list[Job | TrainingJob] = []
    for one in kinds:
        start, room = after if one == at else None, limit + 1 - len(jobs)
        if room > 0 and one == "ingest":
            jobs += await asyncio.to_thread(_ingestions, parts, principal, status, start, room, order)
        elif room > 0:
            jobs += await _cycles(parts, status, start, room, order, needed=one in (kind, at))
    return ListOf[AnyJob].of(jobs[:limit], len(jobs) > limit)


@router.get("/{job_id}", summary="Look at a job")
async def get_job(job_id: JobId, principal: Operator, parts: Parts) -> AnyJob:
    """Show one ingestion or one cycle of learning."""
    if (cycle := await _cycle(parts, job_id)) is not None:
        return TrainingJob.of(cycle)
    return Job.of(await _ingestion(parts.catalog.document, principal, job_id))


@router.post("/{job_id}/cancel", summary="Cancel a job")
async def cancel_job(job_id: JobId, principal: Operator, parts: Parts) -> AnyJob:
    """Stop an ingestion or a cycle that has not ended; what a worker still brings of it is refused."""
    if (cycle := await _cycle(parts, job_id)) is not None:
        return TrainingJob.of(await by_hand.cancel(parts, cycle.id, principal.identity))
    return Job.of(await _ingestion(parts.catalog.cancel, principal, job_id))


@router.post("/{job_id}/retry", summary="Try a job again")
async def retry_job(job_id: JobId, principal: Operator, parts: Parts) -> AnyJob:
    """Try again what failed or was cancelled: an ingestion from its start, a cycle as a new one of its scope."""
    if (cycle := await _cycle(parts, job_id)) is None:
        document = await _ingestion(parts.catalog.requeue, principal, job_id)
        parts.enqueue_ingest()
        return Job.of(document)
    if cycle.state not in ("failed", "cancelled"):
        raise ApiError(409, f"cycle {cycle.id} is {cycle.state}; only one that failed or was cancelled is tried again")
    return TrainingJob.of(await by_hand.start_now(parts, cycle.scope, force=True))


@router.get("/{job_id}/log", summary="Read a job's log", response_class=PlainTextResponse)
async def get_job_log(
    job_id: JobId, principal: Operator, parts: Parts, lines: Annotated[int, Query(ge=1, le=5000)] = 200
) -> PlainTextResponse:
    """Give the last lines of a cycle's log, or what there is to tell of an ingestion."""
    if (cycle := await _cycle(parts, job_id)) is not None:
        return PlainTextResponse("".join(f"{line}\n" for line in await asyncio.to_thread(log_tail, cycle, lines)))
    document = await _ingestion(parts.catalog.document, principal, job_id)
    return PlainTextResponse(ingestion_log(document, parts.settings.ingest_attempts))


async def _cycle(parts: Container, job_id: str) -> Cycle | None:
    """Give the cycle that a job is; None where it is an ingestion."""
    kind, _, cycle_id = job_id.partition(":")
    if kind != TRAIN:
        return None
    cycle = await ask_async(parts.redis, store.get(cycle_id))
    if cycle is None:
        raise ApiError(404, f"no job `{job_id}`", code="job_not_found", param="job_id")
    return cycle


async def _ingestion(act: Callable[[Caller, str, str], Document], principal: Principal, job_id: str) -> Document:
    """Do something with the document that a job ingests."""
    collection_id, document_id = _parse(job_id, "job_id")
    return await asyncio.to_thread(act, principal.caller, collection_id, document_id)


def _ingestions(
    parts: Container, principal: Principal, status: Status | None, after: str | None, limit: int, order: Order
) -> list[Job]:
    start = None if after is None else _parse(after, "after")
    try:
        page = parts.catalog.documents_everywhere(
            principal.caller, status=status, limit=limit, after=start, order=order
        )
    except CollectionNotFound:
        raise _nothing_after(after) from None
    return [Job.of(document) for document in page.items]


async def _cycles(
    parts: Container, status: Status | None, after: str | None, limit: int, order: Order, *, needed: bool
) -> list[TrainingJob]:
    cycle_id = None if after is None else after.partition(":")[2]
    try:
        found = await training_jobs(
            parts.redis, status=status, after=cycle_id, limit=limit, newest_first=order == "desc"
        )
    except RedisError:
        if needed:
            raise
        return []
    if found is None:
        raise _nothing_after(after)
    return found


def _parse(job_id: str, param: str) -> tuple[str, str]:
    kind, _, rest = job_id.partition(":")
    collection_id, _, document_id = rest.partition(":")
    if kind != INGEST or not document_id:
        raise ApiError(404 if param == "job_id" else 400, f"no job `{job_id}`", code="job_not_found", param=param)
    return collection_id, document_id


def _nothing_after(after: str | None) -> ApiError:
    return ApiError(400, f"there is no job `{after}` to continue after; take the `last_id` of a page", param="after")
