"""OpenAI's objects for files and vector stores, and how our nouns become them.

Fields that OpenAI lacks are marked as ours.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from retrieval.catalog import Reembedding
from retrieval.types import Collection, Document, DocumentError, Passage, StoredFile

Status = Literal["in_progress", "completed", "cancelled", "failed"]
Attribute = str | bool | float
Metadata = Annotated[dict[str, str], Field(max_length=16)]
Attributes = Annotated[dict[str, Attribute], Field(max_length=16)]
ErrorCode = Literal["server_error", "unsupported_file", "invalid_file"]
_ERROR_CODES: dict[str, ErrorCode] = {
    "unsupported_file": "unsupported_file",
    "invalid_file": "invalid_file",
    "encrypted_file": "invalid_file",
    "empty_file": "invalid_file",
    "file_too_large": "invalid_file",
    "resource_limit": "invalid_file",
}


class FileObject(BaseModel):
    """An uploaded file."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"
    expires_at: None = None
    status_details: None = None

    @classmethod
    def of(cls, file: StoredFile) -> FileObject:
        """Show a file."""
        return cls(
            id=file.file_id,
            bytes=file.size_bytes,
            created_at=int(file.created_at),
            filename=file.filename,
            purpose=file.purpose,
        )


class FileDeleted(BaseModel):
    """A file that is gone."""

    id: str
    object: Literal["file"] = "file"
    deleted: bool = True


class FileCounts(BaseModel):
    """Files by status."""

    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    total: int = 0

    @classmethod
    def of(cls, counts: dict[str, int]) -> FileCounts:
        """Count; the total is the sum."""
        return cls(**counts, total=sum(counts.values()))


class Move(BaseModel):
    """How far a collection is on the way to another embedding model."""

    target_model: str
    done: int = Field(description="documents that have vectors of the target model")
    total: int
    failed: int = Field(description="documents that cannot be embedded with it; they hold the move up")
    last_error: str | None

    @classmethod
    def of(cls, move: Reembedding) -> Move:
        """Show a move."""
        return cls(
            target_model=move.target_model,
            done=move.done,
            total=move.total,
            failed=move.failed,
            last_error=move.last_error,
        )


class VectorStore(BaseModel):
    """A collection."""

    id: str
    object: Literal["vector_store"] = "vector_store"
    created_at: int
    name: str
    usage_bytes: int
    file_counts: FileCounts
    status: Literal["in_progress", "completed"]
    last_active_at: int
    expires_after: None = None
    expires_at: None = None
    metadata: dict[str, str]
    embedding_model: str = Field(description="ours: the model that its documents are embedded with")
    reembedding: Move | None = Field(default=None, description="ours: the move to another model, while there is one")
    readers: list[str] | None = Field(default=None, description="ours: who may read it; shown to operators")

    @classmethod
    def of(cls, collection: Collection, move: Reembedding | None, *, with_readers: bool) -> VectorStore:
        """Show a collection."""
        counts = FileCounts.of({str(status): count for status, count in collection.documents_by_status.items()})
        return cls(
            id=collection.collection_id,
            created_at=int(collection.created_at),
            name=collection.name,
            usage_bytes=collection.usage_bytes,
            file_counts=counts,
            status="in_progress" if counts.in_progress else "completed",
            last_active_at=int(collection.last_active_at),
            metadata=dict(collection.attributes),
            embedding_model=collection.embedding_model,
            reembedding=None if move is None else Move.of(move),
            readers=sorted(collection.readers) if with_readers else None,
        )


class VectorStoreDeleted(BaseModel):
    """A collection that is gone."""

    id: str
    object: Literal["vector_store.deleted"] = "vector_store.deleted"
    deleted: bool = True


class LastError(BaseModel):
    """Why a document failed, for a person who can act on it."""

    code: ErrorCode
    message: str
    reason: str = Field(description="ours: the finer code, such as `encrypted_file`")

    @classmethod
    def of(cls, error: DocumentError) -> LastError:
        """Show an error under the nearest of OpenAI's three codes."""
        return cls(code=_ERROR_CODES.get(error.code, "server_error"), message=error.message, reason=error.code)


class VectorStoreFile(BaseModel):
    """A file in a collection: a document."""

    id: str
    object: Literal["vector_store.file"] = "vector_store.file"
    usage_bytes: int
    created_at: int
    vector_store_id: str
    status: Status
    last_error: LastError | None
    attributes: dict[str, Attribute]
    chunking_strategy: dict[str, Any] = {"type": "other"}
    filename: str = Field(description="ours")
    title: str = Field(description="ours")
    stage: str = Field(description="ours: queued, parsing, chunking, embedding, indexing, done")
    percent: int = Field(description="ours: 0 to 100 over the whole ingestion")
    chunk_count: int = Field(description="ours: indexed pieces")

    @classmethod
    def of(cls, document: Document) -> VectorStoreFile:
        """Show a document."""
        return cls(
            id=document.document_id,
            usage_bytes=document.size_bytes,
            created_at=int(document.created_at),
            vector_store_id=document.collection_id,
            status=document.status,
            last_error=None if document.last_error is None else LastError.of(document.last_error),
            attributes=dict(document.attributes),
            filename=document.filename,
            title=document.title,
            stage=document.stage,
            percent=document.percent,
            chunk_count=document.chunk_count,
        )


class VectorStoreFileDeleted(BaseModel):
    """A document that left its collection."""

    id: str
    object: Literal["vector_store.file.deleted"] = "vector_store.file.deleted"
    deleted: bool = True


class TextContent(BaseModel):
    """A piece of a document's text."""

    type: Literal["text"] = "text"
    text: str


class ContentPage(BaseModel):
    """The parsed text of a document."""

    object: Literal["vector_store.file_content.page"] = "vector_store.file_content.page"
    data: list[TextContent]
    has_more: bool = False
    next_page: None = None
    file_id: str
    filename: str
    attributes: dict[str, Attribute]


class ChunkOut(BaseModel):
    """An indexed piece of a document."""

    id: str
    object: Literal["vector_store.file.chunk"] = "vector_store.file.chunk"
    position: int = Field(description="its place in the document, from 0")
    start_index: int = Field(description="where it stands in the document's text")
    end_index: int
    page_start: int | None
    page_end: int | None
    heading_path: list[str]
    content: str

    @classmethod
    def of(cls, chunk: Passage, position: int) -> ChunkOut:
        """Show a chunk."""
        return cls(
            id=chunk.chunk_id,
            position=position,
            start_index=chunk.start,
            end_index=chunk.end,
            page_start=chunk.page_start,
            page_end=chunk.page_end,
            heading_path=list(chunk.heading_path),
            content=chunk.text,
        )


class ChunkingStrategy(BaseModel):
    """How to cut documents; only `auto`, which follows their structure."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["auto"]
