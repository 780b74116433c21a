"""`/v1/vector_stores/{id}/files`: documents, which are files in a collection."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from service.access import Principal, require
from service.container import Container, container_of
from service.files.paging import After, Before, Limit, ListOf, Order, refuse_before
from service.files.shapes import (
    Attributes,
    ChunkingStrategy,
    ChunkOut,
    ContentPage,
    Status,
    TextContent,
    VectorStoreFile,
    VectorStoreFileDeleted,
)

router = APIRouter(prefix="/v1/vector_stores/{vector_store_id}/files", tags=["vector stores"])
Reader = Annotated[Principal, Depends(require("user"))]
Writer = Annotated[Principal, Depends(require("operator"))]
Parts = Annotated[Container, Depends(container_of)]
StoreId = Annotated[str, Path(max_length=256)]
FileId = Annotated[str, Path(max_length=256)]
POLL_AFTER_MS = "250"  # what the SDK's polling helpers wait for


class NewDocument(BaseModel):
    """A file to be put into a collection."""

    model_config = ConfigDict(extra="ignore")

    file_id: str = Field(min_length=1, max_length=256)
    attributes: Attributes | None = None
    chunking_strategy: ChunkingStrategy | None = None


class DocumentChange(BaseModel):
    """The attributes that replace a document's."""

    attributes: Attributes | None


@router.post("", summary="Put a file into a vector store")
def attach_file(vector_store_id: StoreId, body: NewDocument, principal: Writer, parts: Parts) -> VectorStoreFile:
    """Queue a file for ingestion.

    It will end `completed` or `failed`; a file of the same name is replaced once it is completed.
    """
    document = parts.catalog.attach(principal.caller, vector_store_id, body.file_id, attributes=body.attributes)
    parts.enqueue_ingest()
    return VectorStoreFile.of(document)


@router.get("", summary="List the files of a vector store")
def list_documents(
    vector_store_id: StoreId,
    principal: Reader,
    parts: Parts,
    after: After = None,
    before: Before = None,
    filter: Annotated[Status | None, Query(description="only files with this status")] = None,
    limit: Limit = 20,
    order: Order = "desc",
) -> ListOf[VectorStoreFile]:
    """List the documents of a collection."""
    refuse_before(before)
    page = parts.catalog.documents(
        principal.caller, vector_store_id, status=filter, limit=limit, after=after, order=order
    )
    return ListOf[VectorStoreFile].of([VectorStoreFile.of(item) for item in page.items], page.has_more)


@router.get("/{file_id}", summary="Look at a file of a vector store")
def get_document(
    vector_store_id: StoreId, file_id: FileId, principal: Reader, parts: Parts, response: Response
) -> VectorStoreFile:
    """Show one document with its progress or its error."""
    document = parts.catalog.document(principal.caller, vector_store_id, file_id)
    if document.status == "in_progress":
        response.headers["openai-poll-after-ms"] = POLL_AFTER_MS
    return VectorStoreFile.of(document)


@router.post("/{file_id}", summary="Change a file's attributes")
def update_document(
    vector_store_id: StoreId, file_id: FileId, body: DocumentChange, principal: Writer, parts: Parts
) -> VectorStoreFile:
    """Replace a document's attributes; filters see them at once."""
    return VectorStoreFile.of(
        parts.catalog.update_attributes(principal.caller, vector_store_id, file_id, body.attributes or {})
    )


@router.delete("/{file_id}", summary="Take a file out of a vector store")
def detach_file(vector_store_id: StoreId, file_id: FileId, principal: Writer, parts: Parts) -> VectorStoreFileDeleted:
    """Take a document out of the collection; it is out of search at once. The file stays."""
    parts.catalog.detach(principal.caller, vector_store_id, file_id)
    return VectorStoreFileDeleted(id=file_id)


@router.get("/{file_id}/content", summary="Read the text of a file")
def get_content(vector_store_id: StoreId, file_id: FileId, principal: Reader, parts: Parts) -> ContentPage:
    """Give the text as parsed, which citations' offsets point into."""
    document = parts.catalog.document(principal.caller, vector_store_id, file_id)
    text = parts.catalog.document_text(principal.caller, vector_store_id, file_id)
    return ContentPage(
        data=[TextContent(text=text)], file_id=file_id, filename=document.filename, attributes=dict(document.attributes)
    )


@router.get("/{file_id}/chunks", summary="Read the chunks of a file")
def list_chunks(
    vector_store_id: StoreId, file_id: FileId, principal: Reader, parts: Parts, after: After = None, limit: Limit = 20
) -> ListOf[ChunkOut]:
    """List the pieces that searches find, in the order of the document; none before it is completed."""
    page = parts.catalog.chunk_page(principal.caller, vector_store_id, file_id, limit=limit, after=after)
    chunks = [ChunkOut.of(chunk, page.start + place) for place, chunk in enumerate(page.items)]
    return ListOf[ChunkOut].of(chunks, page.has_more)
