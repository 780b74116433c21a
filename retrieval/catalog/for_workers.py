"""The catalog as ingest workers see it: claims, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from retrieval.catalog import completion, queue, reading
from retrieval.catalog.blobs import BlobStore
from retrieval.catalog.completion import Result
from retrieval.catalog.database import Database
from retrieval.catalog.rows import ChunkText, Claim
from retrieval.types import ChunkDraft, DocumentError, ParsedDocument, Stage


class ForWorkers:
    """The worker's part of `Catalog`. It takes no caller: a claim shows a document to nobody."""

    _db: Database
    _blobs: BlobStore
    _max_attempts: int
    _clock: Callable[[], float]
    _monotonic: Callable[[], float]

    def claim(self, worker: str, *, lease_s: float, limit: int = 1) -> list[Claim]:
        """Lease up to `limit` documents to a worker; expired leases are taken back first.

        Args:
            worker: Names the process, for the fence and for people.
            lease_s: Seconds until others may take the documents, unless `heartbeat` renews it.
            limit: Most documents to lease.

        Returns:
            The claims, new documents before re-embedding, oldest first. Empty when nothing waits.
        """
        with self._db.read() as connection:
            if not queue.has_work(connection, now=self._monotonic()):
                return []
        with self._db.write(durable=False) as connection:
            return queue.claim(
                connection,
                worker,
                lease_s=lease_s,
                limit=limit,
                max_attempts=self._max_attempts,
                monotonic=self._monotonic(),
                now=self._clock(),
                blob=self._blobs.path,
            )

    def claimed_chunks(self, claim: Claim) -> list[ChunkText]:
        """Fetch the chunks of a document claimed for re-embedding; `StaleClaim` when the lease is lost."""
        with self._db.read() as connection:
            return reading.claimed_chunks(connection, claim)

    def heartbeat(self, claim: Claim, lease_s: float) -> None:
        """Renew a lease for another `lease_s` seconds; `StaleClaim` when it is lost."""
        with self._db.write(durable=False) as connection:
            queue.heartbeat(connection, claim, lease_s=lease_s, monotonic=self._monotonic())

    def progress(self, claim: Claim, stage: Stage, percent: int) -> None:
        """Say how far a document is, 0-99; `StaleClaim` when the lease is lost."""
        with self._db.write(durable=False) as connection:
            queue.progress(connection, claim, stage, percent, now=self._clock())

    def complete(self, claim: Claim, parsed: ParsedDocument, chunks: Sequence[ChunkDraft], vectors: np.ndarray) -> None:
        """Publish a document.

        Args:
            claim: The lease it was made under.
            parsed: What the parser gave.
            chunks: Its chunks, each the exact text at its offsets.
            vectors: Their vectors (n, d) float32.

        Raises:
            StaleClaim: When the lease is lost or the collection's model changed; nothing was published.
            InvalidInput: When chunks or vectors are not what they should be.
            StorageFull: When the disk is full; nothing was published.
        """
        if self.complete_many([Result(claim, parsed, chunks, vectors)]):
            raise queue.stale(claim)

    def complete_many(self, results: Sequence[Result]) -> list[Claim]:
        """Publish several results in one transaction, each behind its own fence; one wait for the disk instead of many.

        Args:
            results: What was made of each claimed document.

        Returns:
            The claims that were refused as stale; nothing of theirs was published.

        Raises:
            InvalidInput: When a result is not what it should be; nothing at all was published.
            StorageFull: When the disk is full; nothing at all was published.
        """
        sealed = [completion.seal(result) for result in results]
        with self._db.write() as connection:
            return [one.claim for one in sealed if not completion.store(connection, one, now=self._clock())]

    def fail(self, claim: Claim, error: DocumentError) -> None:
        """End a document as failed, for its owner to act on; `StaleClaim` when the lease is lost."""
        with self._db.write() as connection:
            queue.fail(connection, claim, error, now=self._clock())

    def retry(self, claim: Claim, error: DocumentError) -> bool:
        """Give a document back after an unexpected failure.

        False when it was the last attempt and the document has failed.
        """
        with self._db.write() as connection:
            return queue.retry(connection, claim, error, max_attempts=self._max_attempts, now=self._clock())

    def release(self, claim: Claim) -> None:
        """Give a document back untouched (the worker stops); the attempt does not count."""
        with self._db.write() as connection:
            queue.release(connection, claim)

    def requeue_expired(self) -> int:
        """Take back the documents of dead workers. `claim` does it too; this is for processes that never claim."""
        with self._db.write() as connection:
            return queue.sweep(
                connection, max_attempts=self._max_attempts, monotonic=self._monotonic(), now=self._clock()
            )

    def pending_count(self) -> int:
        """Count the documents that wait or are being worked on, re-embedding included."""
        with self._db.read() as connection:
            return queue.pending_count(connection, max_attempts=self._max_attempts)
