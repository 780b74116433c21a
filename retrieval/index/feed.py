"""Reads a collection's changes out of the catalog into the shapes the index wants."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from retrieval.catalog import Catalog, Changes
from retrieval.index.hits import Matrix, Rows
from retrieval.index.segment import Segment, make_segment


def read_vectors(catalog: Catalog, collection_id: str, after_seq: int, changes: Changes) -> tuple[Rows, Matrix]:
    """Read the vectors of `changes.added`, leaving out what has been deleted since.

    Args:
        catalog: Where the collection is.
        collection_id: Which.
        after_seq: What `changes` was asked for.
        changes: Says how many, up to where, and of which model.

    Returns:
        Rows `(n,)` ascending and vectors `(n, d)` float32.
    """
    rows, vectors = np.empty(len(changes.added), dtype=np.int64), np.empty((0, 0), dtype=np.float32)
    count = 0
    for found, batch in catalog.iter_vectors(
        collection_id, after_seq=after_seq, up_to_seq=changes.seq, model=changes.embedding_model
    ):
        if not count:  # one allocation: a million vectors are held once, not twice
            vectors = np.empty((len(rows), batch.shape[1]), dtype=np.float32)
        rows[count : count + len(found)] = found
        vectors[count : count + len(found)] = batch
        count += len(found)
    rows, vectors = rows[:count], vectors[:count]
    if count > 1 and not (np.diff(rows) > 0).all():
        order = np.argsort(rows)
        rows, vectors = rows[order], vectors[order]
    return rows, vectors


def read_texts(catalog: Catalog, collection_id: str, after_seq: int, up_to_seq: int) -> Iterator[tuple[int, str]]:
    """Give the rows published in `(after_seq, up_to_seq]` with the words they are found by."""
    for batch in catalog.iter_texts(collection_id, after_seq=after_seq, up_to_seq=up_to_seq):
        for chunk in batch:
            yield chunk.row, chunk.embedding_text


def read_segment(catalog: Catalog, collection_id: str, after_seq: int, changes: Changes) -> Segment | None:
    """Read what `changes` since `after_seq` added and is still there; None when that is nothing.

    Vectors and texts are read one after the other, and a document may be deleted in between: only what both saw counts.
    """
    rows, vectors = read_vectors(catalog, collection_id, after_seq, changes)
    if not len(rows):
        return None
    texts = dict(read_texts(catalog, collection_id, after_seq, changes.seq))
    kept = np.fromiter((row in texts for row in rows.tolist()), dtype=np.bool_, count=len(rows))
    if not kept.all():
        rows, vectors = rows[kept], vectors[kept]
    return make_segment(rows, vectors, [texts[row] for row in rows.tolist()])
