"""Feeds a collection into Milvus from the catalog, and publishes what it has fed. Runs in the ingest process.

The order makes every crash harmless: chunks go in (writing one again changes nothing), Milvus is asked whether it
holds them all, the generation is published, and only then is deleted what was removed. What a crash left undone is in
the catalog's feed after the number the newest generation carries; what it left undeleted no generation knows.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from retrieval.catalog import Catalog, Changes
from retrieval.durable import make_directory, open_current, prune, publish_generation
from retrieval.errors import IndexCorrupt, IndexUnavailable
from retrieval.index.build import published_info
from retrieval.index.feed import read_texts
from retrieval.index.generation import GenerationInfo
from retrieval.index.hits import NO_ROWS, Rows, Vector
from retrieval.index.store import clear_rebuild_request, rebuild_requested
from retrieval.milvus.generation import ENGINE, Feeding, make_info, read_parts, write_generation
from retrieval.milvus.store import MilvusStore, Rowed, Space
from retrieval.milvus.words import TermStatistics, passage_vector, term_counts

_log = logging.getLogger(__name__)
_KEPT = 2  # the current generation and the one to fall back to
_DRIFT = 0.1  # of the average length, or removed chunks that the statistics still count: then all is fed again
_AT_ONCE = 2_000  # chunks between two writes


@dataclass(frozen=True, slots=True)
class Feeder:
    """Feeds one collection; one at a time for each collection."""

    catalog: Catalog
    collection_id: str
    folder: Path  # where its generations are
    store: MilvusStore

    def feed(self) -> int:
        """Bring Milvus up to what the catalog holds, and publish that.

        Returns:
            Chunks in the generation; 0 when the collection holds none.

        Raises:
            CollectionNotFound: There is no such collection.
            IndexUnavailable: Milvus does not answer, or does not hold what it acknowledged.
            StorageFull: The disk is full; the generation before still serves.
        """
        make_directory(self.folder)  # first: what is fed for a collection without a folder would never be deleted
        fed = None if rebuild_requested(self.folder) else self._add()
        return self._feed_all() if fed is None else fed

    def _add(self) -> int | None:
        """Feed what changed since the newest generation; None when that is not possible or no longer good enough."""
        try:
            published = open_current(self.folder)
            if published is None or published.is_fallback:
                return None
            info, rows, statistics, feeding = read_parts(published.path)
        except IndexCorrupt:
            return None
        space = Space(info.embedding_model, info.dimension)
        changes = self.catalog.changes(self.collection_id, info.seq)
        same = (info.embedding_model, info.collection_id) == (changes.embedding_model, self.collection_id)
        if not changes.complete or not same:
            return None
        if self.store.count(space, self.collection_id, feeding.number) < len(rows):
            _log.error("Milvus lost chunks; all are fed again", extra={"index": self.collection_id})
            return None
        # Should we have been killed: what was not deleted, and what was written and is in no generation.
        self.store.delete_rows(space, self.catalog.changes(self.collection_id, feeding.before_seq).removed)
        self.store.delete_after(space, self.collection_id, int(rows.max(initial=0)))
        added, more = self._write(space, feeding, info.seq, changes)
        statistics = statistics.plus(more)
        rows = np.union1d(np.setdiff1d(rows, changes.removed), added)
        average = statistics.total / max(statistics.documents, 1)
        removed = statistics.documents - len(rows)
        if removed > _DRIFT * len(rows) or abs(average / feeding.average_length - 1) > _DRIFT:
            return None
        self._publish(space, changes, rows, statistics, replace(feeding, before_seq=info.seq))
        self.store.delete_rows(space, changes.removed)
        return len(rows)

    def _feed_all(self) -> int:
        before = published_info(self.folder)
        changes = self.catalog.changes(self.collection_id, 0)
        # The average length goes into every vector, so all texts are read before the first is written.
        texts = read_texts(self.catalog, self.collection_id, 0, changes.seq)
        statistics = TermStatistics.of(term_counts(text) for _, text in texts)
        dimension = self._dimension(changes)
        if not dimension or not statistics.documents:
            return self._publish_nothing(before, changes)
        space = Space(changes.embedding_model, dimension)
        feeding = Feeding(
            secrets.randbits(62),
            changes.seq if before is None else before.seq,
            max(statistics.total / statistics.documents, 1.0),
        )
        rows, _ = self._write(space, feeding, 0, changes)
        self._publish(space, changes, rows, statistics, feeding)
        self.store.delete_collection(self.collection_id, keep=(space, feeding.number))
        return len(rows)

    def _publish_nothing(self, before: GenerationInfo | None, changes: Changes) -> int:
        self.store.delete_collection(self.collection_id)
        clear_rebuild_request(self.folder)
        if before is not None and before.dense.kind == ENGINE:  # or searches would carry its removals along for ever
            space = Space(before.embedding_model, before.dimension)
            feeding = Feeding(secrets.randbits(62), before.seq, 1.0)
            self._publish(space, changes, NO_ROWS, TermStatistics.of(()), feeding)
        return 0

    def _dimension(self, changes: Changes) -> int:
        batches = self.catalog.iter_vectors(
            self.collection_id, up_to_seq=changes.seq, model=changes.embedding_model, batch=1
        )
        return next((vectors.shape[1] for _, vectors in batches), 0)

    def _write(self, space: Space, feeding: Feeding, after_seq: int, changes: Changes) -> tuple[Rows, TermStatistics]:
        """Write the chunks published in `(after_seq, changes.seq]`; gives their rows and statistics."""
        written: list[Rows] = []
        statistics = TermStatistics.of(())
        for chunks in self._chunks(after_seq, changes):
            counted = [term_counts(text) for _, _, text in chunks]
            entries = [
                Rowed(row, vector, passage_vector(counts, feeding.average_length))
                for (row, vector, _), counts in zip(chunks, counted, strict=True)
            ]
            self.store.upsert(space, self.collection_id, feeding.number, entries)
            written.append(np.array([entry.row for entry in entries], dtype=np.int64))
            statistics = statistics.plus(TermStatistics.of(counted))
        return (np.sort(np.concatenate(written)) if written else NO_ROWS), statistics

    def _chunks(self, after_seq: int, changes: Changes) -> Iterator[list[tuple[int, Vector, str]]]:
        """Give each chunk with its vector and text, some at a time.

        The two are read one after the other, and a document may be deleted in between: only what both saw counts.
        """
        texts = read_texts(self.catalog, self.collection_id, after_seq, changes.seq)
        waiting: dict[int, str] = {}
        unmatched: dict[int, Vector] = {}
        vectors = self.catalog.iter_vectors(
            self.collection_id,
            after_seq=after_seq,
            up_to_seq=changes.seq,
            model=changes.embedding_model,
            batch=_AT_ONCE,
        )
        for rows, batch in vectors:
            unmatched.update(zip(rows.tolist(), batch, strict=True))
            last = int(rows.max())
            for row, text in texts:  # both come in the order of publication, so this reads about as many
                waiting[row] = text
                if row >= last:
                    break
            yield _matched(unmatched, waiting)
        waiting.update(texts)
        yield _matched(unmatched, waiting)

    def _publish(
        self, space: Space, changes: Changes, rows: Rows, statistics: TermStatistics, feeding: Feeding
    ) -> None:
        held = self.store.count(space, self.collection_id, feeding.number)
        if held < len(rows):
            raise IndexUnavailable(f"Milvus acknowledged {len(rows)} chunks of {self.collection_id} and holds {held}")
        info = make_info(self.collection_id, space, changes.seq, len(rows), statistics.total)

        def fill(target: Path) -> None:
            write_generation(target, info, rows, statistics, feeding)

        manifest = publish_generation(
            self.folder, fill, metadata={"collection_id": self.collection_id, "seq": changes.seq}
        )
        clear_rebuild_request(self.folder)
        prune(self.folder, keep=_KEPT)
        # The generation to fall back to is the one before: its readers need every removal since.
        self.catalog.forget_removals(self.collection_id, min(feeding.before_seq, changes.seq))
        _log.info(
            "index fed to Milvus",
            extra={"index": self.collection_id, "generation": manifest.name, "chunks": len(rows)},
        )


def _matched(vectors: dict[int, Vector], texts: dict[int, str]) -> list[tuple[int, Vector, str]]:
    both = sorted(vectors.keys() & texts.keys())
    return [(row, vectors.pop(row), texts.pop(row)) for row in both]
