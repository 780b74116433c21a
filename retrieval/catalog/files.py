"""Uploaded files: rows of `files` and the blobs they name."""

from __future__ import annotations

import sqlite3

from retrieval.catalog import documents
from retrieval.catalog.access import file_row, readable_file
from retrieval.catalog.paging import Listing, Order, depart, page
from retrieval.catalog.rows import Page, to_file
from retrieval.types import Caller, StoredFile

_SCOPE = "files"


def insert(connection: sqlite3.Connection, file: StoredFile) -> None:
    """Add a file whose blob is already in place."""
    connection.execute(
        "INSERT INTO files (file_id, filename, purpose, size_bytes, sha256, owner, created_at) VALUES (?, "
        "?, ?, ?, ?, ?, ?)",
        (file.file_id, file.filename, file.purpose, file.size_bytes, file.sha256, file.owner, file.created_at),
    )


def get(connection: sqlite3.Connection, caller: Caller, file_id: str) -> StoredFile:
    """Fetch one file the caller may read."""
    return to_file(file_row(connection, caller, file_id))


def list_page(
    connection: sqlite3.Connection, caller: Caller, *, purpose: str | None, limit: int, after: str | None, order: Order
) -> Page[StoredFile]:
    """Fetch a page of the files the caller may read."""
    condition, parameters = readable_file(caller)
    listing = Listing(
        source=f"FROM files f WHERE {condition}",
        parameters=parameters,
        row="f.row",
        public_id="f.file_id",
        scope=_SCOPE,
        wanted={"f.purpose": purpose},
    )
    rows, has_more = page(connection, listing, "f.*", limit=limit, after=after, order=order)
    return Page(tuple(to_file(row) for row in rows), has_more)


def delete(connection: sqlite3.Connection, caller: Caller, file_id: str, *, now: float) -> str:
    """Delete a file and every document made from it; gives the hash of its blob, which may have no other row now."""
    row = file_row(connection, caller, file_id)
    for document in connection.execute(
        "SELECT row, collection_row FROM documents WHERE file_id = ?", (file_id,)
    ).fetchall():
        documents.remove(connection, document["row"], now=now)
    connection.execute("DELETE FROM files WHERE row = ?", (row["row"],))
    depart(connection, _SCOPE, file_id, row["row"])
    return str(row["sha256"])


def is_known(connection: sqlite3.Connection, sha256: str) -> bool:
    """Tell whether any file has these bytes."""
    return connection.execute("SELECT 1 FROM files WHERE sha256 = ? LIMIT 1", (sha256,)).fetchone() is not None
