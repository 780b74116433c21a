"""What the catalog gives back besides the nouns of `retrieval.types`, and how a database row becomes a value."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from retrieval.types import Attributes, ChunkDraft, Collection, Document, DocumentError, Passage, StoredFile

T = TypeVar("T")
ClaimAction = Literal["ingest", "reembed"]
RowIds = NDArray[np.int64]
CHUNK_PREFIX = "chk_"


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list; `has_more` tells whether another page follows the last item."""

    items: tuple[T, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class ChunkPage:
    """Some chunks of one document in order; `start` is the place of the first of them, from 0."""

    items: tuple[Passage, ...]
    start: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease on a document. Only the holder of the newest token may publish a result."""

    document: Document
    document_row: int
    token: int
    worker: str
    blob: Path
    embedding_model: str  # what to embed with; for "reembed" the model the collection moves to
    action: ClaimAction


@dataclass(frozen=True, slots=True)
class CollectionRef:
    """The little that a search needs to know about a collection."""

    collection_id: str
    name: str
    embedding_model: str
    seq: int


@dataclass(frozen=True, slots=True)
class Changes:
    """The net difference of a collection's chunks between two sequence numbers.

    `complete` is False when the log no longer reaches back far enough: start again with `after_seq=0`.
    `embedding_model` is the model that serves now; when it is not the model an index was built with, every vector has
    changed and only a rebuild helps.
    """

    seq: int
    added: RowIds  # [n]
    removed: RowIds  # [m]
    embedding_model: str
    complete: bool


@dataclass(frozen=True, slots=True)
class ChunkText:
    """A chunk as the lexical index and the encoder read it."""

    row: int
    document_id: str
    title: str
    heading_path: tuple[str, ...]
    text: str

    @property
    def embedding_text(self) -> str:
        """Give title and heading path, then the text: the same words the chunk was embedded with."""
        return ChunkDraft(self.text, 0, 0, self.heading_path).embedding_text(self.title)


@dataclass(frozen=True, slots=True)
class DocumentSpan:
    """Which chunk rows belong to a searchable document, `first_row ..

    First_row + count - 1`, and what it can be filtered by.
    """

    document_id: str
    filename: str
    first_row: int
    count: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Reembedding:
    """How far a collection is on the way to another embedding model."""

    target_model: str
    done: int
    total: int
    failed: int
    last_error: str | None


def chunk_id(row: int) -> str:
    """Give the public id of a chunk row."""
    return f"{CHUNK_PREFIX}{row}"


def to_file(row: sqlite3.Row) -> StoredFile:
    """Make a file of a row of `files`."""
    return StoredFile(
        file_id=row["file_id"],
        filename=row["filename"],
        purpose=row["purpose"],
        size_bytes=row["size_bytes"],
        sha256=row["sha256"],
        owner=row["owner"],
        created_at=row["created_at"],
    )


def to_collection(row: sqlite3.Row, readers: frozenset[str], counts: dict[str, int], usage_bytes: int) -> Collection:
    """Make a collection of a row of `collections` and what was counted about it."""
    return Collection(
        collection_id=row["collection_id"],
        name=row["name"],
        embedding_model=row["embedding_model"],
        readers=readers,
        attributes=json.loads(row["attributes"]),
        created_at=row["created_at"],
        last_active_at=row["last_active_at"],
        documents_by_status=counts,  # type: ignore[arg-type]  # the statuses come from our own rows
        usage_bytes=usage_bytes,
    )


def to_document(row: sqlite3.Row) -> Document:
    """Make a document of a row of `documents` joined with its file and collection."""
    error = DocumentError(row["error_code"], row["error_message"]) if row["error_code"] else None
    return Document(
        document_id=row["file_id"],
        collection_id=row["collection_id"],
        filename=row["filename"],
        title=row["title"] or row["filename"],
        status=row["status"],
        stage=row["stage"],
        percent=row["percent"],
        last_error=error,
        attributes=json.loads(row["attributes"]),
        size_bytes=row["size_bytes"],
        chunk_count=row["chunk_count"],
        attempts=row["attempts"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def to_passage(row: sqlite3.Row) -> Passage:
    """Make a passage, its scores still zero, of a row of `chunks` joined with document, file and collection."""
    attributes = json.loads(row["attributes"])
    url = attributes.get("url")
    return Passage(
        chunk_id=chunk_id(row["chunk_row"]),
        document_id=row["file_id"],
        collection_id=row["collection_id"],
        filename=row["filename"],
        title=row["title"] or row["filename"],
        url=url if isinstance(url, str) else None,
        text=row["text"],
        start=row["start_offset"],
        end=row["end_offset"],
        page_start=row["page_start"],
        page_end=row["page_end"],
        heading_path=tuple(json.loads(row["heading_path"])),
        attributes=attributes,
        score=0.0,
        dense_score=0.0,
        lexical_score=0.0,
    )
