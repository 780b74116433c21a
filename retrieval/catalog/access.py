"""Who may see what, as SQL.

Every read of this package goes through these conditions, so that nothing unreadable is ever fetched.

What may not be read looks exactly like what does not exist. Who may *write* is decided by roles, one floor up; a
write here only demands that its caller can see what it touches.
"""

from __future__ import annotations

import json
import sqlite3

from retrieval.errors import CollectionNotFound, FileNotFound
from retrieval.types import Caller

Condition = tuple[str, list[str]]


def readable_collection(caller: Caller, row: str = "c.row") -> Condition:
    """Give a condition on a collection's row, and its parameters."""
    if caller.reads_all:
        return "1", []
    principals = json.dumps(sorted(caller.principals))
    return (
        f"{row} IN (SELECT collection_row FROM collection_readers WHERE principal IN (SELECT value FROM json_each(?)))",
        [principals],
    )


def readable_file(caller: Caller) -> Condition:
    """Give a condition on `files f`: its owner's, or attached to a collection the caller may read."""
    if caller.reads_all:
        return "1", []
    collection, parameters = readable_collection(caller, "d.collection_row")
    return (
        "(f.owner IN (SELECT value FROM json_each(?)) OR EXISTS "
        f"(SELECT 1 FROM documents d WHERE d.file_id = f.file_id AND {collection}))",
        [json.dumps(sorted(caller.principals)), *parameters],
    )


def collection_row(connection: sqlite3.Connection, caller: Caller, collection_id: str) -> sqlite3.Row:
    """Fetch a collection's row or say that there is none."""
    condition, parameters = readable_collection(caller)
    row = connection.execute(
        f"SELECT c.* FROM collections c WHERE c.collection_id = ? AND {condition}",
        [collection_id, *parameters],
    ).fetchone()
    if row is None:
        raise CollectionNotFound(f"There is no collection {collection_id!r}.")
    return row  # type: ignore[no-any-return]


def file_row(connection: sqlite3.Connection, caller: Caller, file_id: str) -> sqlite3.Row:
    """Fetch a file's row or say that there is none."""
    condition, parameters = readable_file(caller)
    row = connection.execute(
        f"SELECT f.* FROM files f WHERE f.file_id = ? AND {condition}",
        [file_id, *parameters],
    ).fetchone()
    if row is None:
        raise FileNotFound(f"There is no file {file_id!r}.")
    return row  # type: ignore[no-any-return]
