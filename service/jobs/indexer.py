"""Builds the indexes that are due, in a thread of the ingest process, while documents go on coming in.

A long build must not hold up small uploads, and a long bulk load must not hold up the indexes. Searches see new
documents through their delta meanwhile; a generation is published whole or not at all.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from retrieval.catalog import Catalog
from retrieval.errors import CollectionNotFound, IndexUnavailable, StorageFull

if TYPE_CHECKING:
    from retrieval.index.base import Backend

log = logging.getLogger(__name__)

EVERY_S = 2.0


class Indexer:
    """Watches the catalog and publishes generations. Use it as a context manager, one for each home."""

    def __init__(self, catalog: Catalog, backend: Backend, *, every_s: float = EVERY_S) -> None:
        """Plan the thread; entering starts it.

        Args:
            catalog: The record of documents and vectors.
            backend: What publishes generations.
            every_s: Time between two looks.
        """
        self._catalog = catalog
        self._backend = backend
        self._every_s = every_s
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)

    def __enter__(self) -> Indexer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop after the build at hand."""
        self._closing.set()
        self._thread.join()

    def build_due(self, *, idle: bool) -> int:
        """Publish every index that is due; when idle, also those that have drifted only a little.

        Args:
            idle: Whether nothing waits.

        Returns:
            How many were published.
        """
        published = 0
        for collection in self._catalog.all_collections():
            if not self._backend.needs_build(self._catalog, collection, idle=idle):
                continue
            try:
                self._backend.build(self._catalog, collection.collection_id)
            except CollectionNotFound:  # deleted while we built
                continue
            published += 1
        return published

    def _run(self) -> None:
        was_idle = False
        while not self._closing.wait(self._every_s):
            try:
                idle = self._catalog.pending_count() == 0
                self.build_due(idle=idle and was_idle)  # twice idle: the next upload is not just behind the last
                was_idle = idle
            except StorageFull:
                log.exception("the disk is full; the last indexes go on serving")
            except IndexUnavailable as error:
                log.warning("no index can be built: %s", error)
            except Exception:
                log.exception("an index could not be built; the last one goes on serving")
