"""Builds a collection's next generation from the catalog and publishes it. Runs in the worker's heavy process.

Searching goes on meanwhile. What changes during the build is in the catalog's feed after the number the generation
carries.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from retrieval.catalog import Catalog, CollectionRef
from retrieval.durable import open_current, prune, publish_generation
from retrieval.errors import IndexCorrupt
from retrieval.index.feed import read_texts, read_vectors
from retrieval.index.generation import GenerationInfo, read_info, write_generation
from retrieval.index.hits import Rows
from retrieval.index.store import clear_rebuild_request, rebuild_requested, request_rebuild

_log = logging.getLogger(__name__)
_KEPT = 2  # the current generation and the one to fall back to
_SMALL = 20_000  # chunks: building them takes a few seconds
_SMALL_DELTA = 256  # changes that a search carries along without noticing
_LARGE_DELTA = 2_000
_LARGE_SHARE = 0.1


def collection_folder(indexes_dir: Path, collection_id: str) -> Path:
    """Give where a collection's generations are; the catalog has made sure that the id is a safe name."""
    return indexes_dir / collection_id


def published_info(folder: Path) -> GenerationInfo | None:
    """Read what the newest generation says of itself, comparing names and sizes only; None when there is none."""
    try:
        published = open_current(folder, verify=False) if folder.is_dir() else None
        return None if published is None else read_info(published.path)
    except IndexCorrupt as error:
        request_rebuild(folder, str(error))
        return None


def needs_build(catalog: Catalog, collection: CollectionRef, indexes_dir: Path, *, idle: bool = False) -> bool:
    """Tell whether a collection has drifted far enough from its published index.

    Args:
        catalog: Where the collection is.
        collection: As `Catalog.all_collections` gives it.
        indexes_dir: Where all indexes are.
        idle: Whether there is nothing better to do: then a small collection is built for a smaller drift.

    Returns:
        True when the index is damaged, of another model, or behind by more than searches should carry along.
    """
    folder = collection_folder(indexes_dir, collection.collection_id)
    info = published_info(folder)
    if rebuild_requested(folder) or (info is not None and not info.dense.is_local):
        return True
    if info is not None and info.seq == collection.seq and info.embedding_model == collection.embedding_model:
        return False
    changes = catalog.changes(collection.collection_id, 0 if info is None else info.seq)
    drift = len(changes.added) + len(changes.removed)
    if info is None or not changes.complete or info.embedding_model != changes.embedding_model:
        chunks = drift if info is None else len(catalog.changes(collection.collection_id, 0).added)
        return chunks > (0 if idle else _SMALL_DELTA)
    total = info.count + len(changes.added)
    small_limit = 1 if idle else _SMALL_DELTA
    return drift >= (small_limit if total <= _SMALL else max(_LARGE_DELTA, int(_LARGE_SHARE * total)))


def build_generation(catalog: Catalog, collection_id: str, indexes_dir: Path) -> int:
    """Build and publish the next generation of a collection, and let go of the oldest.

    Args:
        catalog: Where the collection is.
        collection_id: Which.
        indexes_dir: Where all indexes are.

    Returns:
        Chunks in the generation; 0 when the collection holds none, and nothing was published.

    Raises:
        CollectionNotFound: There is no such collection.
        StorageFull: The disk is full; the generation before still serves.
    """
    folder = collection_folder(indexes_dir, collection_id)
    before = published_info(folder)
    changes = catalog.changes(collection_id, 0)
    rows, vectors = read_vectors(catalog, collection_id, 0, changes)
    if not len(rows):
        if folder.is_dir():
            clear_rebuild_request(folder)
        return 0

    def fill(target: Path) -> None:
        texts = _one_each(rows, read_texts(catalog, collection_id, 0, changes.seq))
        write_generation(target, collection_id, changes, rows, vectors, texts)

    started = time.monotonic()
    manifest = publish_generation(folder, fill, metadata={"collection_id": collection_id, "seq": changes.seq})
    clear_rebuild_request(folder)
    prune(folder, keep=_KEPT)
    if before is not None:  # the generation to fall back to is that one: its readers need every removal since
        catalog.forget_removals(collection_id, min(before.seq, changes.seq))
    _log.info(
        "index published",
        extra={
            "index": collection_id,
            "generation": manifest.name,
            "chunks": len(rows),
            "seconds": round(time.monotonic() - started, 2),
        },
    )
    return len(rows)


def remove_orphans(catalog: Catalog, indexes_dir: Path) -> int:
    """Delete the indexes of collections that no longer exist; gives how many."""
    if not indexes_dir.is_dir():
        return 0
    folders = [path for path in indexes_dir.iterdir() if path.is_dir()]
    known = {
        collection.collection_id for collection in catalog.all_collections()
    }  # read after the listing: none is new
    orphans = [path for path in folders if path.name not in known]
    for path in orphans:
        shutil.rmtree(path, ignore_errors=True)
    return len(orphans)


def _one_each(rows: Rows, texts: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Give exactly one text per row.

    A document deleted between the reads has vectors and no text; it gets an empty one, and the feed has its removal.
    """
    waiting = set(rows.tolist())
    for row, text in texts:
        if row in waiting:
            waiting.discard(row)
            yield row, text
    for row in sorted(waiting):
        yield row, ""
