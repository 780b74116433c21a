"""Documents.

Files as ingested into one collection. What happens to them while a worker has them is in `queue` and `completion`.
"""

from __future__ import annotations

import sqlite3

from retrieval.catalog import feed
from retrieval.catalog.access import collection_row, file_row, readable_collection
from retrieval.catalog.paging import Listing, Order, depart, page, position
from retrieval.catalog.rows import Page, to_document
from retrieval.catalog.validate import attributes_json
from retrieval.errors import Conflict, DocumentNotFound
from retrieval.types import Attributes, Caller, Document, DocumentStatus

COLUMNS = "d.*, c.collection_id, f.filename, f.size_bytes, f.sha256"
_ENDED_EARLY = ("failed", "cancelled")
SOURCE = "FROM documents d JOIN collections c ON c.row = d.collection_row JOIN files f ON f.file_id = d.file_id"


def attach(
    connection: sqlite3.Connection,
    caller: Caller,
    collection_id: str,
    file_id: str,
    *,
    attributes: Attributes | None,
    replace_same_name: bool,
    now: float,
) -> Document:
    """Put a file into a collection.

    Three cases need no new work: the file is attached already (a failed document is queued again); the same content
    under the same name is completed already (that document is handed over to the new file, its chunks untouched).
    """
    collection = collection_row(connection, caller, collection_id)
    file = file_row(connection, caller, file_id)
    wanted = attributes_json(attributes)
    touch(connection, collection["row"], now=now)
    present = connection.execute(
        "SELECT * FROM documents WHERE collection_row = ? AND file_id = ?", (collection["row"], file_id)
    ).fetchone()
    if present is None and replace_same_name:
        present = _hand_over(connection, collection["row"], file)
    if present is None:
        row = connection.execute(
            "INSERT INTO documents (collection_row, file_id, replaces, status, stage, attributes, "
            "created_at, updated_at) "
            "VALUES (?, ?, ?, 'in_progress', 'queued', ?, ?, ?) RETURNING row",
            (collection["row"], file_id, replace_same_name, wanted, now, now),
        ).fetchone()["row"]
        return fetch(connection, row)
    if attributes is not None and present["attributes"] != wanted:
        _set_attributes(connection, present, wanted, now=now)
    if present["status"] in _ENDED_EARLY:
        _queue(connection, present["row"], now=now)
    return fetch(connection, present["row"])


def fetch(connection: sqlite3.Connection, row: int) -> Document:
    """Fetch a document by its row, which the caller of this function has checked."""
    found = connection.execute(f"SELECT {COLUMNS} {SOURCE} WHERE d.row = ?", (row,)).fetchone()
    return to_document(found)


def get_row(connection: sqlite3.Connection, caller: Caller, collection_id: str, document_id: str) -> sqlite3.Row:
    """Fetch a document's joined row or say that there is none."""
    collection = collection_row(connection, caller, collection_id)
    row = connection.execute(
        f"SELECT {COLUMNS} {SOURCE} WHERE d.collection_row = ? AND d.file_id = ?",
        (collection["row"], document_id),
    ).fetchone()
    if row is None:
        raise DocumentNotFound(f"There is no document {document_id!r} in the collection {collection_id!r}.")
    return row  # type: ignore[no-any-return]


def list_page(
    connection: sqlite3.Connection,
    caller: Caller,
    collection_id: str,
    *,
    status: DocumentStatus | None,
    limit: int,
    after: str | None,
    order: Order,
) -> Page[Document]:
    """Fetch a page of a collection's documents."""
    listing = _listing(collection_row(connection, caller, collection_id), status)
    rows, has_more = page(connection, listing, COLUMNS, limit=limit, after=after, order=order)
    return Page(tuple(to_document(row) for row in rows), has_more)


def list_everywhere(
    connection: sqlite3.Connection,
    caller: Caller,
    *,
    status: DocumentStatus | None,
    limit: int,
    after: tuple[str, str] | None,
    order: Order,
) -> Page[Document]:
    """Fetch a page of the documents of all collections that the caller may read."""
    condition, parameters = readable_collection(caller)
    listing = Listing(f"{SOURCE} WHERE {condition}", parameters, "d.row", "", "", {"d.status": status})
    start = None
    if after is not None:
        start = position(connection, _listing(collection_row(connection, caller, after[0]), None), after[1])
    rows, has_more = page(connection, listing, COLUMNS, limit=limit, after=start, order=order)
    return Page(tuple(to_document(row) for row in rows), has_more)


def find_by_hash(
    connection: sqlite3.Connection, caller: Caller, collection_id: str, filename: str, sha256: str
) -> Document | None:
    """Fetch the newest document with this name and content, whatever its status."""
    collection = collection_row(connection, caller, collection_id)
    row = connection.execute(
        f"SELECT {COLUMNS} FROM files f CROSS JOIN documents d ON d.file_id = f.file_id "
        "JOIN collections c ON c.row = d.collection_row "
        "WHERE f.sha256 = ? AND f.filename = ? AND d.collection_row = ? ORDER BY d.row DESC LIMIT 1",
        (sha256, filename, collection["row"]),
    ).fetchone()
    return to_document(row) if row else None


def update_attributes(
    connection: sqlite3.Connection,
    caller: Caller,
    collection_id: str,
    document_id: str,
    attributes: Attributes,
    *,
    now: float,
) -> Document:
    """Replace a document's attributes."""
    row = get_row(connection, caller, collection_id, document_id)
    _set_attributes(connection, row, attributes_json(attributes), now=now)
    return fetch(connection, row["row"])


def cancel(
    connection: sqlite3.Connection, caller: Caller, collection_id: str, document_id: str, *, now: float
) -> Document:
    """Stop the ingestion of a document; a worker that has it will be refused."""
    row = get_row(connection, caller, collection_id, document_id)
    if row["status"] != "in_progress":
        raise Conflict(f"The document {document_id!r} is {row['status']}; only one in progress can be cancelled.")
    connection.execute(
        "UPDATE documents SET status = 'cancelled', stage = 'done', token = token + 1, lease_owner = "
        "NULL, updated_at = ? WHERE row = ?",
        (now, row["row"]),
    )
    return fetch(connection, row["row"])


def requeue(
    connection: sqlite3.Connection, caller: Caller, collection_id: str, document_id: str, *, now: float
) -> Document:
    """Try a document again that failed or was cancelled, from the start and with all its attempts."""
    row = get_row(connection, caller, collection_id, document_id)
    if row["status"] not in _ENDED_EARLY:
        raise Conflict(
            f"The document {document_id!r} is {row['status']}; only one that failed or was cancelled is tried again."
        )
    touch(connection, row["collection_row"], now=now)
    _queue(connection, row["row"], now=now)
    return fetch(connection, row["row"])


def remove(connection: sqlite3.Connection, row: int, *, now: float) -> None:
    """Delete a document with its chunks and vectors, and tell the index."""
    gone = connection.execute("DELETE FROM documents WHERE row = ? RETURNING *", (row,)).fetchone()
    depart(connection, _scope(gone["collection_row"]), gone["file_id"], row)
    touch(connection, gone["collection_row"], now=now)
    seq = feed.bump(connection, gone["collection_row"])
    if gone["chunk_count"]:
        connection.execute(
            "INSERT INTO removed_spans VALUES (?, ?, ?, ?, ?)",
            (gone["collection_row"], seq, gone["seq"], gone["first_chunk"], gone["chunk_count"]),
        )


def remove_older_namesakes(
    connection: sqlite3.Connection, row: int, collection_row: int, filename: str, *, now: float
) -> None:
    """Delete the documents that a just completed one replaces."""
    older = connection.execute(
        "SELECT d.row FROM files f CROSS JOIN documents d ON d.file_id = f.file_id "
        "WHERE f.filename = ? AND d.collection_row = ? AND d.row < ?",
        (filename, collection_row, row),
    ).fetchall()
    for namesake in older:
        remove(connection, namesake["row"], now=now)


def touch(connection: sqlite3.Connection, collection_row: int, *, now: float) -> None:
    """Note that somebody changed a collection."""
    connection.execute("UPDATE collections SET last_active_at = ? WHERE row = ?", (now, collection_row))


def _queue(connection: sqlite3.Connection, row: int, *, now: float) -> None:
    connection.execute(
        "UPDATE documents SET status = 'in_progress', stage = 'queued', percent = 0, error_code = "
        "NULL, error_message = NULL, "
        "attempts = 0, token = token + 1, updated_at = ? WHERE row = ?",
        (now, row),
    )


def _hand_over(connection: sqlite3.Connection, collection_row: int, file: sqlite3.Row) -> sqlite3.Row | None:
    newest = connection.execute(
        "SELECT d.*, f.sha256 FROM files f CROSS JOIN documents d ON d.file_id = f.file_id "
        "WHERE f.filename = ? AND d.collection_row = ? ORDER BY d.row DESC LIMIT 1",
        (file["filename"], collection_row),
    ).fetchone()
    if newest is None or newest["sha256"] != file["sha256"] or newest["status"] != "completed":
        return None
    connection.execute("UPDATE documents SET file_id = ? WHERE row = ?", (file["file_id"], newest["row"]))
    depart(connection, _scope(collection_row), newest["file_id"], newest["row"])
    feed.bump(connection, collection_row)
    return newest  # type: ignore[no-any-return]


def _set_attributes(connection: sqlite3.Connection, document: sqlite3.Row, attributes: str, *, now: float) -> None:
    connection.execute(
        "UPDATE documents SET attributes = ?, updated_at = ? WHERE row = ?", (attributes, now, document["row"])
    )
    feed.bump(connection, document["collection_row"])


def _listing(collection: sqlite3.Row, status: DocumentStatus | None) -> Listing:
    return Listing(
        source=f"{SOURCE} WHERE d.collection_row = ?",
        parameters=[collection["row"]],
        row="d.row",
        public_id="d.file_id",
        scope=_scope(collection["row"]),
        wanted={"d.status": status},
    )


def _scope(collection_row: int) -> str:
    return f"documents:{collection_row}"
