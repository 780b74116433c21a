"""What the ingest process does at each turn of its loop, on the real catalog."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from retrieval.catalog import Catalog
from retrieval.errors import IndexUnavailable, StorageFull
from service.jobs.indexer import Indexer

if TYPE_CHECKING:
    from retrieval.index.base import Backend
    from retrieval.ingest import Ingester

log = logging.getLogger(__name__)

DISK_FULL_PAUSE_S = 5.0


class CatalogChores:
    """Ingestion and tidying of one home."""

    def __init__(
        self,
        catalog: Catalog,
        ingester: Ingester,
        indexes: Backend | None,
        stop: threading.Event,
        beat: Callable[[], None],
    ) -> None:
        """Put the chores together.

        Args:
            catalog: The record of documents.
            ingester: Drains its queue.
            indexes: What publishes generations; None leaves indexes to another process.
            stop: Set when we are to leave.
            beat: Says that we make progress.
        """
        self._catalog = catalog
        self._ingester = ingester
        self._indexes = indexes
        self._stop = stop
        self._beat = beat

    def waiting(self) -> int:
        """Count the documents that are not done yet, other processes' included."""
        return self._catalog.pending_count()

    def ingest(self) -> int:
        """Work on what waits; a full disk is waited out, because starting again would only cost more."""
        try:
            return self._ingester.drain(self._should_stop)
        except StorageFull:
            log.exception("the disk is full; documents wait until there is room")
            self._stop.wait(DISK_FULL_PAUSE_S)
            return 0

    def tidy(self) -> None:
        """Do what has time until nothing waits: index what is left, let go of what nobody needs."""
        if self._indexes is None:
            return
        try:
            Indexer(self._catalog, self._indexes).build_due(idle=True)
            self._indexes.remove_orphans(self._catalog)
            self._catalog.collect_garbage()
        except StorageFull:
            log.exception("the disk is full; the last indexes go on serving")
        except IndexUnavailable as error:
            log.warning("no index can be built: %s", error)

    def _should_stop(self) -> bool:
        self._beat()
        return self._stop.is_set()
