"""Fills a catalog for tests of what is built on it: documents straight through the queue, without parsers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from retrieval.catalog import Catalog
from retrieval.embed import Embedder, HashingEmbedder
from retrieval.types import Attributes, Block, Caller, ChunkDraft, ParsedDocument

OPERATOR = Caller(reads_all=True)


class Library:
    """A catalog with a shortcut: a document is a list of chunk texts."""

    def __init__(self, home: Path, embedder: Embedder | None = None) -> None:
        self.catalog = Catalog.open(home)
        self.indexes = home / "indexes"
        self.embedder = embedder or HashingEmbedder(64)
        self._made = 0

    def collection(self, collection_id: str, *, readers: frozenset[str] = frozenset({"*"})) -> str:
        """Make a collection."""
        self.catalog.create_collection(
            collection_id,
            collection_id=collection_id,
            embedding_model=self.embedder.model_name,
            readers=readers,
        )
        return collection_id

    def add(
        self,
        collection_id: str,
        chunks: Sequence[str],
        *,
        title: str = "",
        attributes: Attributes | None = None,
        vectors: np.ndarray | None = None,
    ) -> str:
        """Add a completed document; gives its id."""
        self._made += 1
        staged = self.catalog.stage_upload()
        staged.write_bytes(f"{self._made} {chunks}".encode())
        file = self.catalog.add_file(staged, filename=f"{self._made}.txt", purpose="assistants", owner="key:test")
        self.catalog.attach(OPERATOR, collection_id, file.file_id, attributes=attributes)
        (claim,) = self.catalog.claim("test", lease_s=60)
        text, drafts = "", []
        for chunk in chunks:
            drafts.append(ChunkDraft(chunk, len(text), len(text) + len(chunk)))
            text += chunk + "\n"
        parsed = ParsedDocument(text, (Block("paragraph", 0, len(text)),), title=title)
        if vectors is None:
            vectors = self.embedder.encode([draft.embedding_text(title) for draft in drafts])
        self.catalog.complete(claim, parsed, drafts, vectors)
        return file.file_id

    def remove(self, collection_id: str, document_id: str) -> None:
        """Delete a document."""
        self.catalog.detach(OPERATOR, collection_id, document_id)

    def texts(self, collection_id: str) -> dict[int, str]:
        """Give every chunk as it is indexed, by row."""
        return {chunk.row: chunk.embedding_text for batch in self.catalog.iter_texts(collection_id) for chunk in batch}

    def vectors(self, collection_id: str) -> dict[int, np.ndarray]:
        """Give every vector, by row."""
        return {
            int(row): vector
            for rows, vectors in self.catalog.iter_vectors(collection_id)
            for row, vector in zip(rows, vectors, strict=True)
        }
