"""How the work on a document ends: with an error its owner can act on, with another attempt, or given back."""

from __future__ import annotations

import logging
import sqlite3
import threading
import traceback
from collections.abc import Iterable
from contextlib import suppress

from retrieval.catalog import Catalog, Claim, Result
from retrieval.errors import ParseError, StaleClaim, StorageFull
from retrieval.ingest.keeper import LeaseKeeper
from retrieval.types import DocumentError, Stage

_log = logging.getLogger(__name__)
INFRASTRUCTURE = (StorageFull, sqlite3.Error)  # no document's fault: nothing is blamed, and the caller is told


class Outcomes:
    """Reports outcomes to the catalog and counts them. Safe to call from several threads."""

    def __init__(self, catalog: Catalog, keeper: LeaseKeeper) -> None:
        self._catalog = catalog
        self._keeper = keeper
        self._guard = threading.Lock()
        self.handled = 0

    def publish(self, results: list[Result]) -> None:
        """Commit finished documents together; the stale among them are dropped by the catalog's fence."""
        for refused in self._catalog.complete_many(results):
            _log.info("document %s was taken over meanwhile", refused.document.document_id)
        self._ended(result.claim for result in results)

    def bad(self, claim: Claim, error: ParseError) -> None:
        """End a document that cannot be read."""
        self._keeper.let_go(claim)
        with suppress(StaleClaim):
            self._catalog.fail(claim, DocumentError(error.code, str(error)))
        self._ended([claim])

    def unexpected(self, claim: Claim, stage: Stage, error: Exception) -> None:
        """Put a document back after an error nobody foresaw, or end it when that was its last attempt."""
        self._keeper.let_go(claim)
        # Frames and type, not the message: it may quote the document.
        _log.error(
            "%s while %s document %s\n%s",
            type(error).__name__,
            stage,
            claim.document.document_id,
            "".join(traceback.format_tb(error.__traceback__)),
        )
        what = f"embedding with {claim.embedding_model}" if stage == "embedding" else stage
        reason = (
            f"An unexpected {type(error).__name__} while {what}; the worker's log says where. Upload again to retry."
        )
        with suppress(StaleClaim):
            self._catalog.retry(claim, DocumentError("server_error", reason))
        self._ended([claim])

    def drop(self, claim: Claim) -> None:
        """Forget a document that another worker has now, or that was deleted."""
        self._ended([claim])

    def give_back(self, claims: Iterable[Claim]) -> None:
        """Return unfinished documents to the queue. A lease that cannot be returned runs out by itself."""
        for claim in claims:
            self._keeper.let_go(claim)
            with suppress(StaleClaim, *INFRASTRUCTURE):
                self._catalog.release(claim)

    def _ended(self, claims: Iterable[Claim]) -> None:
        with self._guard:
            for claim in claims:
                self._keeper.let_go(claim)
                self.handled += 1
