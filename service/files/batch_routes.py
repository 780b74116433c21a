"""`/v1/vector_stores/{id}/file_batches`: put several files into a collection with one call, and poll them as one."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from retrieval.errors import Conflict, NotFound
from retrieval.types import Caller, Document
from service.access import Principal, require
from service.container import Container, container_of
from service.errors import ApiError
from service.files.batches import Batch
from service.files.document_routes import POLL_AFTER_MS, NewDocument
from service.files.paging import After, Before, Limit, ListOf, Order, refuse_before
from service.files.shapes import Attributes, ChunkingStrategy, FileCounts, Status, VectorStoreFile

router = APIRouter(prefix="/v1/vector_stores/{vector_store_id}/file_batches", tags=["vector stores"])
Reader = Annotated[Principal, Depends(require("user"))]
Writer = Annotated[Principal, Depends(require("operator"))]
Parts = Annotated[Container, Depends(container_of)]
StoreId = Annotated[str, Path(max_length=256)]
BatchId = Annotated[str, Path(max_length=256)]
MAX_FILES = 2000


class NewBatch(BaseModel):
    """Files to be put into a collection: `file_ids` with shared attributes, or `files` with their own."""

    model_config = ConfigDict(extra="ignore")

    file_ids: list[str] = Field(default=[], max_length=MAX_FILES)
    files: list[NewDocument] = Field(default=[], max_length=MAX_FILES)
    attributes: Attributes | None = None
    chunking_strategy: ChunkingStrategy | None = None

    def wanted(self) -> dict[str, Attributes | None]:
        """Give the attributes by file id; an ApiError 400 unless exactly one of the two lists is given."""
        if bool(self.file_ids) == bool(self.files):
            raise ApiError(400, "give either `file_ids` or `files`", param="file_ids")
        return {file.file_id: file.attributes for file in self.files} or dict.fromkeys(self.file_ids, self.attributes)


class VectorStoreFileBatch(BaseModel):
    """A batch and how far its files are."""

    id: str
    object: Literal["vector_store.files_batch"] = "vector_store.files_batch"
    created_at: int
    vector_store_id: str
    status: Status
    file_counts: FileCounts


@router.post("", summary="Put several files into a vector store")
def create_batch(vector_store_id: StoreId, body: NewBatch, principal: Writer, parts: Parts) -> VectorStoreFileBatch:
    """Queue files for ingestion; each will end `completed` or `failed`."""
    wanted = body.wanted()
    caller = principal.caller
    parts.catalog.collection(caller, vector_store_id)
    for file_id in wanted:
        parts.catalog.file(caller, file_id)  # all of them exist, or nothing is queued
    batch = parts.batches.create(vector_store_id, list(wanted))
    for file_id, attributes in wanted.items():
        parts.catalog.attach(caller, vector_store_id, file_id, attributes=attributes)
    parts.enqueue_ingest()
    return _show(batch, _documents(batch, parts, caller))


@router.get("/{batch_id}", summary="Look at a batch")
def get_batch(
    vector_store_id: StoreId, batch_id: BatchId, principal: Reader, parts: Parts, response: Response
) -> VectorStoreFileBatch:
    """Count the files of a batch by status."""
    batch = _find(vector_store_id, batch_id, principal, parts)
    shown = _show(batch, _documents(batch, parts, principal.caller))
    if shown.status == "in_progress":
        response.headers["openai-poll-after-ms"] = POLL_AFTER_MS
    return shown


@router.post("/{batch_id}/cancel", summary="Cancel a batch")
def cancel_batch(vector_store_id: StoreId, batch_id: BatchId, principal: Writer, parts: Parts) -> VectorStoreFileBatch:
    """Stop the files of a batch that are still in progress."""
    batch = _find(vector_store_id, batch_id, principal, parts)
    for document in _documents(batch, parts, principal.caller):
        if document.status == "in_progress":
            try:
                parts.catalog.cancel(principal.caller, vector_store_id, document.document_id)
            except Conflict:
                continue  # it ended in between
    return _show(batch, _documents(batch, parts, principal.caller))


@router.get("/{batch_id}/files", summary="List the files of a batch")
def list_batch_files(
    vector_store_id: StoreId,
    batch_id: BatchId,
    principal: Reader,
    parts: Parts,
    after: After = None,
    before: Before = None,
    filter: Annotated[Status | None, Query(description="only files with this status")] = None,
    limit: Limit = 20,
    order: Order = "desc",
) -> ListOf[VectorStoreFile]:
    """List the documents of a batch, in the order in which they were given or its reverse."""
    refuse_before(before)
    batch = _find(vector_store_id, batch_id, principal, parts)
    documents = _documents(batch, parts, principal.caller)
    if order == "desc":
        documents.reverse()
    if after is not None:
        ids = list(batch.file_ids if order == "asc" else reversed(batch.file_ids))
        if after not in ids:
            raise ApiError(400, f"there is no item {after!r} to continue after", param="after")
        seen = set(ids[: ids.index(after) + 1])
        documents = [document for document in documents if document.document_id not in seen]
    kept = [document for document in documents if filter is None or document.status == filter]
    return ListOf[VectorStoreFile].of([VectorStoreFile.of(item) for item in kept[:limit]], len(kept) > limit)


def _find(vector_store_id: str, batch_id: str, principal: Principal, parts: Container) -> Batch:
    parts.catalog.collection(principal.caller, vector_store_id)
    batch = parts.batches.get(vector_store_id, batch_id)
    if batch is None:
        raise ApiError(404, f"no batch `{batch_id}` in this vector store", code="batch_not_found", param="batch_id")
    return batch


def _documents(batch: Batch, parts: Container, caller: Caller) -> list[Document]:
    found = []
    for file_id in batch.file_ids:
        try:
            found.append(parts.catalog.document(caller, batch.collection_id, file_id))
        except NotFound:
            continue  # deleted, or replaced by a newer file of the same name
    return found


def _show(batch: Batch, documents: list[Document]) -> VectorStoreFileBatch:
    counts = Counter(str(document.status) for document in documents)
    # A file that was replaced or deleted since is done with as far as this batch goes.
    counts["cancelled"] += len(batch.file_ids) - len(documents)
    status: Status = "in_progress" if counts["in_progress"] else "completed"
    if documents and counts["cancelled"] == len(batch.file_ids):
        status = "cancelled"
    return VectorStoreFileBatch(
        id=batch.batch_id,
        created_at=int(batch.created_at),
        vector_store_id=batch.collection_id,
        status=status,
        file_counts=FileCounts.of(dict(counts)),
    )
