"""The tables, as a list of migrations; `PRAGMA user_version` says how many have run.

Invariants the rest of the package relies on:

* The chunks of one document have consecutive row ids, `first_chunk .. first_chunk + chunk_count - 1`, and ids are
  never reused.
* `meta.version` only grows. Every change a reader could notice takes the next value and stores it as the collection's
  `seq`, so a sequence number is never reused, not even by a collection that was deleted and made again under the same
  id.
* A document has chunks if and only if its status is `completed`; `documents.seq` is the moment they appeared.
* Removed spans stay in `removed_spans` until an index says that it no longer needs them.
"""

from __future__ import annotations

import sqlite3

from retrieval.errors import Conflict

_FIRST = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT",
    "INSERT INTO meta VALUES ('version', 0)",
    """CREATE TABLE files (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        file_id TEXT NOT NULL UNIQUE,
        filename TEXT NOT NULL,
        purpose TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        owner TEXT NOT NULL,
        created_at REAL NOT NULL
    ) STRICT""",
    "CREATE INDEX files_by_hash ON files (sha256)",
    "CREATE INDEX files_by_name ON files (filename)",
    "CREATE INDEX files_by_owner ON files (owner)",
    """CREATE TABLE collections (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        collection_id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        embedding_model TEXT NOT NULL,
        target_model TEXT,
        attributes TEXT NOT NULL,
        seq INTEGER NOT NULL,
        floor_seq INTEGER NOT NULL,
        created_at REAL NOT NULL,
        last_active_at REAL NOT NULL
    ) STRICT""",
    "CREATE INDEX collections_by_name ON collections (name)",
    "CREATE INDEX collections_moving ON collections (row) WHERE target_model IS NOT NULL",
    """CREATE TABLE collection_readers (
        principal TEXT NOT NULL,
        collection_row INTEGER NOT NULL REFERENCES collections (row) ON DELETE CASCADE,
        PRIMARY KEY (principal, collection_row)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX readers_by_collection ON collection_readers (collection_row)",
    """CREATE TABLE documents (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        collection_row INTEGER NOT NULL REFERENCES collections (row) ON DELETE CASCADE,
        file_id TEXT NOT NULL REFERENCES files (file_id),
        replaces INTEGER NOT NULL,
        title TEXT NOT NULL DEFAULT '',
        status TEXT NOT NULL,
        stage TEXT NOT NULL,
        percent INTEGER NOT NULL DEFAULT 0,
        error_code TEXT,
        error_message TEXT,
        attributes TEXT NOT NULL,
        seq INTEGER,
        first_chunk INTEGER,
        chunk_count INTEGER NOT NULL DEFAULT 0,
        usage_bytes INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0,
        token INTEGER NOT NULL DEFAULT 0,
        lease_owner TEXT,
        lease_s REAL,
        lease_until REAL,
        next_model TEXT,
        reembed_attempts INTEGER NOT NULL DEFAULT 0,
        reembed_error TEXT,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        UNIQUE (collection_row, file_id)
    ) STRICT""",
    "CREATE INDEX documents_by_file ON documents (file_id)",
    "CREATE INDEX documents_by_status ON documents (collection_row, status, usage_bytes)",
    "CREATE INDEX documents_by_seq ON documents (collection_row, seq)",
    "CREATE INDEX documents_by_chunk ON documents (first_chunk)",
    "CREATE INDEX documents_waiting ON documents (row) WHERE status = 'in_progress'",
    "CREATE INDEX documents_leased ON documents (row) WHERE lease_owner IS NOT NULL",
    "CREATE INDEX documents_unmoved ON documents (collection_row, row) WHERE next_model IS NULL AND "
    "status = 'completed'",
    """CREATE TABLE document_texts (
        document_row INTEGER PRIMARY KEY REFERENCES documents (row) ON DELETE CASCADE,
        text BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE chunks (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        document_row INTEGER NOT NULL REFERENCES documents (row) ON DELETE CASCADE,
        start_offset INTEGER NOT NULL,
        end_offset INTEGER NOT NULL,
        page_start INTEGER,
        page_end INTEGER,
        heading_path TEXT NOT NULL,
        text TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX chunks_by_document ON chunks (document_row)",
    "CREATE TABLE models (name TEXT PRIMARY KEY, dimension INTEGER NOT NULL) STRICT",
    """CREATE TABLE vectors (
        row INTEGER PRIMARY KEY,
        document_row INTEGER NOT NULL REFERENCES documents (row) ON DELETE CASCADE,
        model TEXT NOT NULL REFERENCES models (name),
        part INTEGER NOT NULL,
        first_chunk INTEGER NOT NULL,
        count INTEGER NOT NULL,
        data BLOB NOT NULL,
        UNIQUE (document_row, model, part)
    ) STRICT""",
    """CREATE TABLE removed_spans (
        collection_row INTEGER NOT NULL REFERENCES collections (row) ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        added_seq INTEGER NOT NULL,
        first_chunk INTEGER NOT NULL,
        chunk_count INTEGER NOT NULL,
        PRIMARY KEY (collection_row, seq)
    ) STRICT, WITHOUT ROWID""",
    # Positions of deleted things, so that a client may page through a list while deleting from it.
    """CREATE TABLE departed (
        scope TEXT NOT NULL,
        id TEXT NOT NULL,
        row INTEGER NOT NULL,
        PRIMARY KEY (scope, id)
    ) STRICT, WITHOUT ROWID""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST,)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to date, in one transaction.

    Args:
        connection: An open connection outside any transaction.

    Raises:
        Conflict: When a newer Groundloop wrote the file.
    """
    if _format(connection) == len(MIGRATIONS):
        return  # writes nothing, so that a catalog on a full disk can still be read
    connection.execute("BEGIN IMMEDIATE")
    try:
        done = _format(connection)
        if done > len(MIGRATIONS):
            raise Conflict(
                f"The catalog has format {done} and this program knows formats up to {len(MIGRATIONS)}. "
                "Start it with the newer Groundloop that wrote it."
            )
        for statements in MIGRATIONS[done:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _format(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
