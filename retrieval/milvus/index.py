"""The backend in Milvus. Decides when a collection is fed; the feeding itself is `retrieval.milvus.feed`."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

from retrieval.catalog import Catalog, CollectionRef
from retrieval.durable import open_current
from retrieval.errors import IndexCorrupt
from retrieval.index.build import collection_folder, published_info
from retrieval.index.generation import Generation, read_info
from retrieval.index.generation import open_generation as open_local
from retrieval.index.store import rebuild_requested, request_rebuild
from retrieval.milvus.feed import Feeder
from retrieval.milvus.generation import ENGINE, open_generation, read_parts
from retrieval.milvus.store import MilvusStore, Space

_log = logging.getLogger(__name__)
_VERIFY_S = 60.0  # between two looks whether Milvus still holds what was published
_DELTA = 256  # changes that searches carry along; feeding costs no more for a large collection than for a small one


class MilvusIndex:
    """Satisfies `Backend`; thread-safe where a backend must be (`open`).

    A collection whose newest generation is a local one (the setting was changed) is served from that until it has
    been fed.

    Args:
        indexes_dir: Where generations are published, one folder per collection.
        store: Milvus.
        verify_s: Time between two looks whether Milvus still holds a collection.
    """

    def __init__(self, indexes_dir: Path, store: MilvusStore, *, verify_s: float = _VERIFY_S) -> None:
        self._indexes_dir = indexes_dir
        self._store = store
        self._verify_s = verify_s
        self._verified: dict[str, float] = {}

    def open(self, folder: Path) -> Generation:
        """Open a published directory."""
        if read_info(folder).dense.is_local:
            return open_local(folder)

        def lost() -> None:
            if not rebuild_requested(folder.parent):
                request_rebuild(folder.parent, "Milvus holds nothing of it")

        return open_generation(folder, self._store, lost)

    def needs_build(self, catalog: Catalog, collection: CollectionRef, *, idle: bool = False) -> bool:
        """Tell whether a collection is to be fed: it changed, was never fed, or Milvus lost it."""
        folder = collection_folder(self._indexes_dir, collection.collection_id)
        info = published_info(folder)
        if info is None or info.dense.kind != ENGINE or rebuild_requested(folder):
            changes = catalog.changes(collection.collection_id, 0)
            return info is not None or len(changes.added) > (0 if idle else _DELTA)
        if info.embedding_model != collection.embedding_model:
            return True
        if info.seq != collection.seq:
            changes = catalog.changes(collection.collection_id, info.seq)
            drift = len(changes.added) + len(changes.removed)
            if not changes.complete or drift > (0 if idle else _DELTA):
                return True
        return self._has_lost(collection.collection_id, folder)

    def build(self, catalog: Catalog, collection_id: str) -> int:
        """Feed a collection and publish it."""
        folder = collection_folder(self._indexes_dir, collection_id)
        return Feeder(catalog, collection_id, folder, self._store).feed()

    def remove_orphans(self, catalog: Catalog) -> int:
        """Delete what Milvus and this disk hold of collections that are gone."""
        if not self._indexes_dir.is_dir():
            return 0
        folders = [path for path in self._indexes_dir.iterdir() if path.is_dir()]
        known = {c.collection_id for c in catalog.all_collections()}  # read after the listing: none is new
        orphans = [path for path in folders if path.name not in known]
        for path in orphans:
            self._store.delete_collection(path.name)  # first: without the folder nobody would look again
            shutil.rmtree(path, ignore_errors=True)
        return len(orphans)

    def _has_lost(self, collection_id: str, folder: Path) -> bool:
        now = time.monotonic()
        if now - self._verified.get(collection_id, -self._verify_s) < self._verify_s:
            return False
        self._verified[collection_id] = now
        try:
            published = open_current(folder, verify=False)
            if published is None:
                return True
            info, rows, _, feeding = read_parts(published.path)
        except IndexCorrupt:
            return True
        space = Space(info.embedding_model, info.dimension)
        return self._store.count(space, collection_id, feeding.number) < len(rows)
