"""The face of the catalog: each call is one transaction, on disk when it returns.

Calls that show something to somebody take a `Caller`. Those for workers (claims) and for the index (the feed) do not:
neither shows anything to anybody by itself.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from retrieval.catalog import collections, documents, files, reading, reembedding, validate
from retrieval.catalog.access import collection_row
from retrieval.catalog.blobs import BlobStore
from retrieval.catalog.database import Database
from retrieval.catalog.for_indexes import ForIndexes
from retrieval.catalog.for_workers import ForWorkers
from retrieval.catalog.paging import Order
from retrieval.catalog.rows import (
    ChunkPage,
    CollectionRef,
    Page,
    Reembedding,
    to_document,
)
from retrieval.durable import make_directory
from retrieval.types import (
    Attributes,
    Caller,
    Collection,
    Document,
    DocumentStatus,
    Passage,
    StoredFile,
)

_EVERYONE = frozenset({"*"})


class Catalog(ForWorkers, ForIndexes):
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
        """Give a new path to stream an upload into.

        `add_file` takes it from there. Delete it if the upload breaks off.
        """
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
        """Fetch a file that the caller owns, or that is attached to a collection the caller may read.

        Else `FileNotFound`.
        """
        with self._db.read() as connection:
            return files.get(connection, caller, file_id)

    def files(
        self,
        caller: Caller,
        *,
        purpose: str | None = None,
        limit: int = 20,
        after: str | None = None,
        order: Order = "desc",
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
        # Only after the row is durably gone, and again under the write lock: an upload of the same bytes may have
        # come between.
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
        """Fetch what a search needs of the collections named, or of all readable ones.

        `CollectionNotFound` names the first missing.
        """
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

        An older document of the same filename is searched until the new one is completed, and leaves in the same
        transaction; it stays if the new one fails. When its content is the same, it is handed over to the new file at
        once, chunks and all. A file that is attached already is left as it is, or tried again when it had failed.

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
            return to_document(documents.get_row(connection, caller, collection_id, document_id))

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
            return documents.list_page(
                connection, caller, collection_id, status=status, limit=limit, after=after, order=order
            )

    def documents_everywhere(
        self,
        caller: Caller,
        *,
        status: DocumentStatus | None = None,
        limit: int = 20,
        after: tuple[str, str] | None = None,
        order: Order = "desc",
    ) -> Page[Document]:
        """Fetch a page of the documents of every readable collection, by when they were attached.

        Args:
            caller: Who asks.
            status: Only documents with this status; None for all.
            limit: Most documents.
            after: Collection id and document id of the last one of the page before.
            order: "asc" is oldest first.

        Returns:
            The page.

        Raises:
            CollectionNotFound: When the collection of `after` is not there (any more).
            InvalidInput: When its document never was.
        """
        with self._db.read() as connection:
            return documents.list_everywhere(connection, caller, status=status, limit=limit, after=after, order=order)

    def find_by_hash(self, caller: Caller, collection_id: str, filename: str, sha256: str) -> Document | None:
        """Fetch the newest document with this name and content, whatever its status.

        Nothing to do if it is completed.
        """
        with self._db.read() as connection:
            return documents.find_by_hash(connection, caller, collection_id, validate.filename(filename), sha256)

    def update_attributes(
        self, caller: Caller, collection_id: str, document_id: str, attributes: Attributes
    ) -> Document:
        """Replace a document's attributes; filters see the new ones at once."""
        with self._db.write() as connection:
            return documents.update_attributes(
                connection, caller, collection_id, document_id, attributes, now=self._clock()
            )

    def cancel(self, caller: Caller, collection_id: str, document_id: str) -> Document:
        """Stop an ingestion; `Conflict` when it has ended."""
        with self._db.write() as connection:
            return documents.cancel(connection, caller, collection_id, document_id, now=self._clock())

    def requeue(self, caller: Caller, collection_id: str, document_id: str) -> Document:
        """Queue a document again that failed or was cancelled; `Conflict` for any other."""
        with self._db.write() as connection:
            return documents.requeue(connection, caller, collection_id, document_id, now=self._clock())

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

    def chunk_page(
        self, caller: Caller, collection_id: str, document_id: str, *, limit: int = 20, after: str | None = None
    ) -> ChunkPage:
        """Fetch a page of a document's chunks in order; none before it is completed."""
        with self._db.read() as connection:
            return reading.chunk_page(connection, caller, collection_id, document_id, limit=limit, after=after)

    def passages(self, caller: Caller, rows: Iterable[int]) -> dict[int, Passage]:
        """Fetch chunks by row id, scores zero, in one query; the deleted and the unreadable are left out."""
        with self._db.read() as connection:
            return reading.passages(connection, caller, rows)

    def collect_garbage(self) -> int:
        """Delete blobs nobody mentions, abandoned uploads, and vectors of models no longer used.

        Returns how many of all.
        """
        with self._db.write() as connection:
            count = self._blobs.collect(lambda sha256: files.is_known(connection, sha256))
        while True:
            with self._db.write() as connection:
                purged = reembedding.purge(connection, limit=256)
            count += purged
            if not purged:
                return count
