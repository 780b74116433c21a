"""The system of record for files, collections, documents, chunks and vectors: one SQLite file and a folder of blobs.

Searching is elsewhere; this package knows what exists, who may read it, what still has to be ingested, and what
changed since.
"""

from retrieval.catalog.catalog import Catalog
from retrieval.catalog.completion import Result
from retrieval.catalog.rows import (
    Changes,
    ChunkText,
    Claim,
    CollectionRef,
    DocumentSpan,
    Page,
    Reembedding,
    chunk_id,
)

__all__ = [
    "Catalog",
    "Changes",
    "ChunkText",
    "Claim",
    "CollectionRef",
    "DocumentSpan",
    "Page",
    "Reembedding",
    "Result",
    "chunk_id",
]
