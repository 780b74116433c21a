"""`/v1/chunks/{id}`: which document a cited piece stands in, for those who have nothing but the citation."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from service.access import Principal, require
from service.container import Container, container_of

router = APIRouter(prefix="/v1/chunks", tags=["vector stores"])


class ChunkPlace(BaseModel):
    """Where an indexed piece of a document is."""

    id: str
    object: Literal["chunk"] = "chunk"
    vector_store_id: str
    file_id: str
    start_index: int = Field(description="where it stands in the document's text")
    end_index: int
    page_start: int | None
    page_end: int | None
    heading_path: list[str]


@router.get("/{chunk_id}", summary="Find the document of a chunk")
def get_chunk(
    chunk_id: Annotated[str, Path(max_length=64)],
    principal: Annotated[Principal, Depends(require("user"))],
    parts: Annotated[Container, Depends(container_of)],
) -> ChunkPlace:
    """Say where a chunk stands. A document that is replaced gets new ones: the old are not found any more."""
    chunk = parts.catalog.chunk(principal.caller, chunk_id)
    return ChunkPlace(
        id=chunk.chunk_id,
        vector_store_id=chunk.collection_id,
        file_id=chunk.document_id,
        start_index=chunk.start,
        end_index=chunk.end,
        page_start=chunk.page_start,
        page_end=chunk.page_end,
        heading_path=list(chunk.heading_path),
    )
