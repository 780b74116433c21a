"""The face of the catalog: each call is one transaction, and what it returns is on disk when it changes anything that matters.

Calls that show something to somebody take a `Caller`. Those for workers (claims) and for the index (the feed) do not: neither shows
anything to anybody by itself.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from retrieval.catalog import collections, completion, documents, feed, files, queue, reading, reembedding, validate
from retrieval.catalog.access import collection_row
from retrieval.catalog.blobs import BlobStore
from retrieval.catalog.completion import Result
from retrieval.catalog.database import Database
from retrieval.catalog.paging import Order
from retrieval.catalog.rows import (
    Changes,
    ChunkText,
    Claim,
    CollectionRef,
    DocumentSpan,
    Page,
    Reembedding,
    RowIds,
)
from retrieval.durable import make_directory
from retrieval.types import (
    Attributes,
    Caller,
    ChunkDraft,
    Collection,
    Document,
    DocumentError,
    DocumentStatus,
    ParsedDocument,
    Passage,
    Stage,
    StoredFile,
)

_EVERYONE = frozenset({"*"})


class Catalog:
    """Files, collections, documents, chunks and vectors. Safe from any thread, and from many processes on one home."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        *,
        max_attempts: int = 3,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        new_id: Callable[[], str] = lambda: secrets.token_hex(12),
    ) -> None:
        self._db = database
        self._blobs = blobs
        self._max_attempts = max_attempts
        self._clock = clock
        self._monotonic = monotonic
        self._new_id = new_id

    @classmethod
    def open(
        cls,
        home: Path,
        *,
        max_attempts: int = 3,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> Catalog:
        """Open the catalog of a home folder, making or upgrading it as needed.

        Args:
            home: Holds `catalog.db` and `blobs/`.
            max_attempts: How often a document is tried before it has failed.
            clock: Gives seconds since 1970, for what people see.
            monotonic: Gives seconds on a clock shared by the machine's processes, for leases.

        Returns:
            The catalog; close it when done.

        Raises:
            Conflict: When a newer Groundloop wrote it.
            StorageFull: When the disk is full.
        """
        make_directory(home)
        blobs = BlobStore(home / "blobs")
        return cls(Database(home / "catalog.db"), blobs, max_attempts=max_attempts, clock=clock, monotonic=monotonic)

    def close(self) -> None:
        """Close the database; calls in flight end first."""
        self._db.close()

    # Files

    def stage_upload(self) -> Path:
        """Give a new path to stream an upload into; `add_file` takes it from there. Delete it if the upload breaks off."""
        return self._blobs.stage()

    def add_file(self, staged: Path, *, filename: str, purpose: str, owner: str) -> StoredFile:
        """Keep a staged upload. When this returns, the file survives any crash.

        Args:
            staged: A complete file at a path that `stage_upload` gave; it is moved.
            filename: What the client calls it; shown, never used as a path.
            purpose: OpenAI's word, kept as given.
            owner: The principal that uploaded it, such as "key:abc".

        Returns:
            The file with its new id.

        Raises:
            InvalidInput: When the filename is empty.
            StorageFull: When the disk is full; nothing was kept.
        """
        shown = validate.filename(filename)
        sha256, size_bytes = self._blobs.seal(staged)
        file = StoredFile(f"file-{self._new_id()}", shown, purpose, size_bytes, sha256, owner, self._clock())
        with self._db.write() as connection:
            self._blobs.publish(staged, sha256)
            files.insert(connection, file)
        return file

    def file(self, caller: Caller, file_id: str) -> StoredFile:
        """Fetch a file that the caller owns, or that is attached to a collection the caller may read; else `FileNotFound`."""
        with self._db.read() as connection:
            return files.get(connection, caller, file_id)

    def files(
        self, caller: Caller, *, purpose: str | None = None, limit: int = 20, after: str | None = None, order: Order = "desc"
    ) -> Page[StoredFile]:
        """Fetch a page of the files the caller may read."""
        with self._db.read() as connection:
            return files.list_page(connection, caller, purpose=purpose, limit=limit, after=after, order=order)

    def file_path(self, file: StoredFile) -> Path:
        """Give where a file's bytes are; read them, never write them."""
        return self._blobs.path(file.sha256)

    def delete_file(self, caller: Caller, file_id: str) -> None:
        """Delete a file and detach it everywhere."""
        with self._db.write() as connection:
            sha256 = files.delete(connection, caller, file_id, now=self._clock())
        # Only after the row is durably gone, and again under the write lock: an upload of the same bytes may have come between.
        with self._db.write() as connection:
            if not files.is_known(connection, sha256):
                self._blobs.discard(sha256)

    # Collections

    def create_collection(
        self,
        name: str,
        *,
        embedding_model: str,
        collection_id: str | None = None,
        readers: frozenset[str] = _EVERYONE,
        attributes: Mapping[str, str] | None = None,
    ) -> Collection:
        """Make an empty collection.

        Args:
            name: For people; need not be unique.
            embedding_model: What its chunks are embedded with.
            collection_id: An id of the caller's choice, or None for a new one.
            readers: The principals that may read it; "*" is everyone.
            attributes: Up to 16 pairs of text.

        Returns:
            The collection.

        Raises:
            Conflict: When the id is taken.
            InvalidInput: When a value passes its limits.
        """
        with self._db.write() as connection:
            return collections.create(
                connection,
                collection_id if collection_id is not None else f"vs_{self._new_id()}",
                name,
                embedding_model=embedding_model,
                readers=readers,
                attributes=attributes,
                now=self._clock(),
            )

    def collection(self, caller: Caller, collection_id: str) -> Collection:
        """Fetch a collection, or `CollectionNotFound`."""
        with self._db.read() as connection:
            return collections.get(connection, caller, collection_id)

    def collections(
        self, caller: Caller, *, limit: int = 20, after: str | None = None, order: Order = "desc"
    ) -> Page[Collection]:
        """Fetch a page of the collections the caller may read."""
        with self._db.read() as connection:
            return collections.list_page(connection, caller, limit=limit, after=after, order=order)

    def find_collection(self, caller: Caller, name_or_id: str) -> Collection | None:
        """Fetch a collection by id, else the oldest readable one of that name."""
        with self._db.read() as connection:
            return collections.find(connection, caller, name_or_id)

    def readable_collections(self, caller: Caller, ids: Sequence[str] | None = None) -> tuple[CollectionRef, ...]:
        """Fetch what a search needs of the collections named, or of all readable ones; `CollectionNotFound` names the first missing."""
        with self._db.read() as connection:
            return collections.references(connection, caller, ids)

    def update_collection(
        self,
        caller: Caller,
        collection_id: str,
        *,
        name: str | None = None,
        attributes: Mapping[str, str] | None = None,
        readers: frozenset[str] | None = None,
        embedding_model: str | None = None,
    ) -> Collection:
        """Change what is not None. Another `embedding_model` starts a move in the background: see `reembedding`."""
        with self._db.write() as connection:
            return collections.update(
                connection,
                caller,
                collection_id,
                name=name,
                attributes=attributes,
                readers=readers,
                embedding_model=embedding_model,
                now=self._clock(),
            )

    def reembedding(self, caller: Caller, collection_id: str) -> Reembedding | None:
        """Say how far the move to another embedding model is; None when there is none."""
        with self._db.read() as connection:
            row = collection_row(connection, caller, collection_id)
            return reembedding.status(connection, row, max_attempts=self._max_attempts)

    def delete_collection(self, caller: Caller, collection_id: str) -> None:
        """Delete a collection, its documents and its vectors; the files stay."""
        with self._db.write() as connection:
            collections.delete(connection, caller, collection_id)

    # Documents

    def attach(
        self,
        caller: Caller,
        collection_id: str,
        file_id: str,
        *,
        attributes: Attributes | None = None,
        replace_same_name: bool = True,
    ) -> Document:
        """Queue a file for ingestion into a collection.

        An older document of the same filename is searched until the new one is completed, and leaves in the same transaction; it
        stays if the new one fails. When its content is the same, it is handed over to the new file at once, chunks and all.
        A file that is attached already is left as it is, or tried again when it had failed.

        Args:
            caller: Must be able to read both.
            collection_id: Where to.
            file_id: What; it becomes the document's id.
            attributes: For filters; None leaves those of a document that is there already.
            replace_same_name: Whether older documents of the same filename give way.

        Returns:
            The document, with its present status.

        Raises:
            CollectionNotFound: When there is no such collection.
            FileNotFound: When there is no such file.
            InvalidInput: When the attributes pass their limits.
        """
        with self._db.write() as connection:
            return documents.attach(
                connection,
                caller,
                collection_id,
                file_id,
                attributes=attributes,
                replace_same_name=replace_same_name,
                now=self._clock(),
            )

    def document(self, caller: Caller, collection_id: str, document_id: str) -> Document:
        """Fetch a document, or `DocumentNotFound`."""
        with self._db.read() as connection:
            return documents.to_document(documents.get_row(connection, caller, collection_id, document_id))

    def documents(
        self,
        caller: Caller,
        collection_id: str,
        *,
        status: DocumentStatus | None = None,
        limit: int = 20,
        after: str | None = None,
        order: Order = "desc",
    ) -> Page[Document]:
        """Fetch a page of a collection's documents."""
        with self._db.read() as connection:
            return documents.list_page(connection, caller, collection_id, status=status, limit=limit, after=after, order=order)

    def find_by_hash(self, caller: Caller, collection_id: str, filename: str, sha256: str) -> Document | None:
        """Fetch the newest document with this name and content, whatever its status: nothing to do if it is completed."""
        with self._db.read() as connection:
            return documents.find_by_hash(connection, caller, collection_id, validate.filename(filename), sha256)

    def update_attributes(self, caller: Caller, collection_id: str, document_id: str, attributes: Attributes) -> Document:
        """Replace a document's attributes; filters see the new ones at once."""
        with self._db.write() as connection:
            return documents.update_attributes(connection, caller, collection_id, document_id, attributes, now=self._clock())

    def cancel(self, caller: Caller, collection_id: str, document_id: str) -> Document:
        """Stop an ingestion; `Conflict` when it has ended."""
        with self._db.write() as connection:
            return documents.cancel(connection, caller, collection_id, document_id, now=self._clock())

    def detach(self, caller: Caller, collection_id: str, document_id: str) -> None:
        """Take a document out of a collection; it is out of search when this returns. Its file stays."""
        with self._db.write() as connection:
            row = documents.get_row(connection, caller, collection_id, document_id)
            documents.remove(connection, row["row"], now=self._clock())

    def document_text(self, caller: Caller, collection_id: str, document_id: str) -> str:
        """Fetch the source text of a completed document, into which its chunks' offsets point."""
        with self._db.read() as connection:
            return reading.document_text(connection, caller, collection_id, document_id)

    def chunk(self, caller: Caller, chunk_id: str) -> Passage:
        """Fetch a chunk by its public id ("chk_7"), or `DocumentNotFound`."""
        with self._db.read() as connection:
            return reading.chunk(connection, caller, chunk_id)

    def chunks(self, caller: Caller, collection_id: str, document_id: str) -> list[Passage]:
        """Fetch a document's chunks in order, scores zero."""
        with self._db.read() as connection:
            return reading.chunks(connection, caller, collection_id, document_id)

    def passages(self, caller: Caller, rows: Iterable[int]) -> dict[int, Passage]:
        """Fetch chunks by row id, scores zero, in one query; the deleted and the unreadable are left out."""
        with self._db.read() as connection:
            return reading.passages(connection, caller, rows)

    # Work for ingest workers

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

    def complete(
        self, claim: Claim, parsed: ParsedDocument, chunks: Sequence[ChunkDraft], vectors: np.ndarray
    ) -> None:
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

        Returns:
            The claims that were refused as stale; nothing of theirs was published.
        """
        sealed = [completion.seal(result) for result in results]
        with self._db.write() as connection:
            return [one.claim for one in sealed if not completion.store(connection, one, now=self._clock())]

    def fail(self, claim: Claim, error: DocumentError) -> None:
        """End a document as failed, for its owner to act on; `StaleClaim` when the lease is lost."""
        with self._db.write() as connection:
            queue.fail(connection, claim, error, now=self._clock())

    def retry(self, claim: Claim, error: DocumentError) -> bool:
        """Give a document back after an unexpected failure; False when it was the last attempt and the document has failed."""
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

    def collect_garbage(self) -> int:
        """Delete blobs nobody mentions, abandoned uploads, and vectors of models no longer used; returns how many of all."""
        with self._db.write() as connection:
            count = self._blobs.collect(lambda sha256: files.is_known(connection, sha256))
        while True:
            with self._db.write() as connection:
                purged = reembedding.purge(connection, limit=256)
            count += purged
            if not purged:
                return count

    # The feed that indexes follow

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
        self, collection_id: str, *, after_seq: int = 0, up_to_seq: int | None = None, model: str | None = None, batch: int = 8192
    ) -> Iterator[tuple[RowIds, np.ndarray]]:
        """Give the vectors published after `after_seq` and not after `up_to_seq`, in order of publication.

        What is deleted meanwhile may or may not come; it is among the removals after the number at which the iteration began.

        Args:
            collection_id: Whose.
            after_seq: As in `changes`.
            up_to_seq: Where to stop; None is the newest number now.
            model: Vectors of this model; None is the model that serves when the iteration begins.
            batch: About how many vectors at a time.

        Yields:
            Row ids (n,) int64 and vectors (n, d) float32.
        """
        with self._db.read() as connection:
            row = feed.collection(connection, collection_id)
        end = row["seq"] if up_to_seq is None else up_to_seq
        position = feed.Position(after_seq)
        while True:
            with self._db.read() as connection:
                found = feed.vectors_after(connection, collection_id, model or row["embedding_model"], position, end, batch)
            if found is None:
                return
            ids, vectors, position = found
            yield ids, vectors

    def iter_texts(
        self, collection_id: str, *, after_seq: int = 0, up_to_seq: int | None = None, batch: int = 2048
    ) -> Iterator[list[ChunkText]]:
        """Give the chunk texts published after `after_seq` and not after `up_to_seq`, as `iter_vectors` gives the vectors."""
        end = self.collection_seq(collection_id) if up_to_seq is None else up_to_seq
        position = feed.Position(after_seq)
        while True:
            with self._db.read() as connection:
                found = feed.texts_after(connection, collection_id, position, end, batch)
            if found is None:
                return
            texts, position = found
            yield texts
