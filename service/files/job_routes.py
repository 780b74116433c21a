"""`/v1/jobs`: ingestions with their progress, read from the documents themselves, so that the two cannot disagree."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from retrieval.errors import CollectionNotFound
from retrieval.types import Document
from service.access import Principal, require
from service.container import Container, container_of
from service.errors import ApiError
from service.files.paging import After, Limit, ListOf, Order
from service.files.shapes import LastError, Status

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
Operator = Annotated[Principal, Depends(require("operator"))]
Parts = Annotated[Container, Depends(container_of)]
KIND = "ingest"


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
            id=f"{KIND}:{document.collection_id}:{document.document_id}",
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


@router.get("", summary="List jobs")
def list_jobs(
    principal: Operator,
    parts: Parts,
    status: Annotated[Status | None, Query(description="only jobs with this status")] = None,
    after: After = None,
    limit: Limit = 20,
    order: Order = "desc",
) -> ListOf[Job]:
    """List ingestions of all vector stores by when they were asked for."""
    start = None if after is None else _parse(after, "after")
    try:
        page = parts.catalog.documents_everywhere(
            principal.caller, status=status, limit=limit, after=start, order=order
        )
    except CollectionNotFound:
        raise ApiError(
            400, f"there is no job `{after}` to continue after; take the `last_id` of a page", param="after"
        ) from None
    return ListOf[Job].of([Job.of(document) for document in page.items], page.has_more)


@router.get("/{job_id}", summary="Look at a job")
def get_job(job_id: Annotated[str, Path(max_length=512)], principal: Operator, parts: Parts) -> Job:
    """Show one ingestion."""
    collection_id, document_id = _parse(job_id, "job_id")
    return Job.of(parts.catalog.document(principal.caller, collection_id, document_id))


def _parse(job_id: str, param: str) -> tuple[str, str]:
    kind, _, rest = job_id.partition(":")
    collection_id, _, document_id = rest.partition(":")
    if kind != KIND or not document_id:
        raise ApiError(404 if param == "job_id" else 400, f"no job `{job_id}`", code="job_not_found", param=param)
    return collection_id, document_id
