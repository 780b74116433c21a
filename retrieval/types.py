"""The nouns of retrieval as frozen values. Nothing here needs a library, so any process may import it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

AttributeValue = str | float | bool
Attributes = Mapping[str, AttributeValue]
BlockKind = Literal["heading", "paragraph", "list", "table", "code"]
DocumentStatus = Literal["in_progress", "completed", "failed", "cancelled"]
Stage = Literal["queued", "parsing", "chunking", "embedding", "indexing", "done"]
SearchMode = Literal["hybrid", "dense", "lexical"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. A collection is readable when its readers and `principals` intersect.

    Principals look like `*` (everyone), `key:<id>`, `user:<id>`, `group:<name>`. `reads_all` is for operators.
    """

    principals: frozenset[str] = frozenset({"*"})
    reads_all: bool = False

    def may_read(self, readers: frozenset[str]) -> bool:
        """Tell whether a collection with these readers is open to this caller."""
        return self.reads_all or not self.principals.isdisjoint(readers)


@dataclass(frozen=True, slots=True)
class Block:
    """A structural piece of a parsed document; `text == document.text[start:end]`."""

    kind: BlockKind
    start: int
    end: int
    level: int = 0  # heading depth, 1 is the outermost; 0 for everything else
    page: int | None = None  # 1-based page, slide or sheet number


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a parser gives: the source text that every later offset points into, and its structure."""

    text: str
    blocks: tuple[Block, ...]
    title: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


def embedding_text(title: str, heading_path: tuple[str, ...], text: str) -> str:
    """Give what the encoder and the lexical index see of a chunk: title and heading path, then the text."""
    header = " > ".join(part for part in (title, *heading_path) if part)
    return f"{header}\n{text}" if header else text


@dataclass(frozen=True, slots=True)
class ChunkDraft:
    """A chunk before it has an id; `text == document.text[start:end]` exactly."""

    text: str
    start: int
    end: int
    heading_path: tuple[str, ...] = ()
    page_start: int | None = None
    page_end: int | None = None

    def embedding_text(self, title: str) -> str:
        """Give what the encoder and the lexical index see: title and heading path, then the text."""
        return embedding_text(title, self.heading_path, self.text)


@dataclass(frozen=True, slots=True)
class Collection:
    """A set of documents with its own index and its own access list (`vector_store` in the API)."""

    collection_id: str
    name: str
    embedding_model: str
    readers: frozenset[str]
    attributes: Mapping[str, str]
    created_at: float
    last_active_at: float
    documents_by_status: Mapping[DocumentStatus, int]
    usage_bytes: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An uploaded file: bytes on disk under their SHA-256, never under the name the client gave."""

    file_id: str
    filename: str
    purpose: str
    size_bytes: int
    sha256: str
    owner: str
    created_at: float


@dataclass(frozen=True, slots=True)
class DocumentError:
    """Why a document failed, for a person who can act on it."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Document:
    """A file as ingested into one collection. `document_id` is the id of its file."""

    document_id: str
    collection_id: str
    filename: str
    title: str
    status: DocumentStatus
    stage: Stage
    percent: int  # 0-100 over the whole ingestion
    last_error: DocumentError | None
    attributes: Attributes
    size_bytes: int
    chunk_count: int
    attempts: int
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as retrieved, with its scores."""

    chunk_id: str  # "chk_<row>"
    document_id: str
    collection_id: str
    filename: str
    title: str
    url: str | None  # the `url` attribute of the document, when it has one
    text: str
    start: int  # offsets into the document's text, in characters
    end: int
    page_start: int | None
    page_end: int | None
    heading_path: tuple[str, ...]
    attributes: Attributes
    score: float  # fused
    dense_score: float  # cosine; 0.0 when not computed
    lexical_score: float  # raw BM25; 0.0 when the query shares no term
