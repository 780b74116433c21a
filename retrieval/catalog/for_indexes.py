"""The catalog as an index sees it: numbers that grow, what changed between two of them, vectors and texts in bulk."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from retrieval.catalog import feed
from retrieval.catalog.database import Database
from retrieval.catalog.rows import Changes, ChunkText, CollectionRef, DocumentSpan, RowIds


class ForIndexes:
    """The index's part of `Catalog`. It takes no caller: what an index finds is shown through `Catalog.passages`."""

    _db: Database

    def version(self) -> int:
        """Give a number that grows with every change to any collection; cheap enough to ask before each search."""
        with self._db.read() as connection:
            return feed.version(connection)

    def all_collections(self) -> tuple[CollectionRef, ...]:
        """Fetch every collection, for the index."""
        with self._db.read() as connection:
            return feed.references(connection)

    def collection_seq(self, collection_id: str) -> int:
        """Give the number of a collection's newest change."""
        with self._db.read() as connection:
            return int(feed.collection(connection, collection_id)["seq"])

    def changes(self, collection_id: str, after_seq: int) -> Changes:
        """Give the chunks added and removed since `after_seq`; 0 gives all there are."""
        with self._db.read() as connection:
            return feed.changes(connection, collection_id, after_seq)

    def forget_removals(self, collection_id: str, up_to_seq: int) -> None:
        """Drop the log of removals up to a number that every index has passed."""
        with self._db.write() as connection:
            feed.forget_removals(connection, collection_id, up_to_seq)

    def spans(self, collection_id: str) -> tuple[DocumentSpan, ...]:
        """Give each searchable document's chunk rows and attributes, for filters; as of `collection_seq`."""
        with self._db.read() as connection:
            return feed.spans(connection, collection_id)

    def iter_vectors(
        self,
        collection_id: str,
        *,
        after_seq: int = 0,
        up_to_seq: int | None = None,
        model: str | None = None,
        batch: int = 8192,
    ) -> Iterator[tuple[RowIds, np.ndarray]]:
        """Give the vectors published after `after_seq` and not after `up_to_seq`, in order of publication.

        Each batch, of about `batch`, is row ids (n,) int64 and vectors (n, d) float32. `model` None is the model that
        serves when the iteration begins, `up_to_seq` None the newest number then. What is deleted meanwhile may or
        may not come; it is among the removals after that number.
        """
        with self._db.read() as connection:
            row = feed.collection(connection, collection_id)
        end = row["seq"] if up_to_seq is None else up_to_seq
        position = feed.Position(after_seq)
        while True:
            with self._db.read() as connection:
                found = feed.vectors_after(
                    connection, collection_id, model or row["embedding_model"], position, end, batch
                )
            if found is None:
                return
            ids, vectors, position = found
            yield ids, vectors

    def iter_texts(
        self, collection_id: str, *, after_seq: int = 0, up_to_seq: int | None = None, batch: int = 2048
    ) -> Iterator[list[ChunkText]]:
        """Give the chunk texts published after `after_seq`, as `iter_vectors` gives the vectors."""
        end = self.collection_seq(collection_id) if up_to_seq is None else up_to_seq
        position = feed.Position(after_seq)
        while True:
            with self._db.read() as connection:
                found = feed.texts_after(connection, collection_id, position, end, batch)
            if found is None:
                return
            texts, position = found
            yield texts
