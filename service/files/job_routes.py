"""`/v1/jobs`: ingestions with their progress, read from the documents themselves, so that the two cannot disagree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from retrieval.catalog import Catalog
from retrieval.types import Caller, Document
from service.access import Principal, require
from service.container import Container, container_of
from service.errors import ApiError
from service.files.paging import After, Limit, ListOf
from service.files.shapes import LastError, Status

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
Operator = Annotated[Principal, Depends(require("operator"))]
Parts = Annotated[Container, Depends(container_of)]
KIND = "ingest"
BATCH = 100


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
) -> ListOf[Job]:
    """List ingestions, vector store by vector store, in each the newest first."""
    start = None if after is None else _parse(after, "after")
    jobs: list[Job] = []
    for document in _documents(parts.catalog, principal.caller, status, start):
        if len(jobs) == limit:
            return ListOf[Job].of(jobs, has_more=True)
        jobs.append(Job.of(document))
    return ListOf[Job].of(jobs, has_more=False)


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


def _documents(
    catalog: Catalog, caller: Caller, status: Status | None, start: tuple[str, str] | None
) -> Iterator[Document]:
    """Give documents page by page; the cursor names the collection and the document to go on after."""
    if start is not None:
        yield from _of_collection(catalog, caller, start[0], status, after=start[1])
    cursor = None if start is None else start[0]
    while True:
        page = catalog.collections(caller, limit=BATCH, after=cursor, order="asc")
        for collection in page.items:
            yield from _of_collection(catalog, caller, collection.collection_id, status, after=None)
        if not page.has_more:
            return
        cursor = page.items[-1].collection_id


def _of_collection(
    catalog: Catalog, caller: Caller, collection_id: str, status: Status | None, *, after: str | None
) -> Iterator[Document]:
    while True:
        page = catalog.documents(caller, collection_id, status=status, limit=BATCH, after=after, order="desc")
        yield from page.items
        if not page.has_more:
            return
        after = page.items[-1].document_id
