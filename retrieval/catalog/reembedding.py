"""Moving a collection to another embedding model while it keeps answering.

A collection serves from `embedding_model`. Asking for another sets `target_model`; workers then embed every completed
document again, chunk by chunk, beside the vectors in use. When none is left, `settle` makes the target the model that
serves, in one transaction. Documents that arrive meanwhile are embedded with the serving model first, so that they
are found at once, and moved later.

A document that cannot be embedded with the target keeps the collection on its old model; `status` says why.
"""

from __future__ import annotations

import sqlite3

from retrieval.catalog import feed
from retrieval.catalog.rows import Reembedding

_UNMOVED = "collection_row = ? AND status = 'completed' AND next_model IS NULL"


def start(connection: sqlite3.Connection, collection: sqlite3.Row, model: str) -> None:
    """Begin to move a collection to `model`, or abandon a move when it is the model that serves already."""
    if model == (collection["target_model"] or collection["embedding_model"]) and not _failures(
        connection, collection["row"]
    ):
        return
    connection.execute(
        "UPDATE documents SET next_model = NULL, reembed_attempts = 0, reembed_error = NULL WHERE collection_row = ? "
        "AND (next_model IS NOT NULL OR reembed_attempts > 0)",
        (collection["row"],),
    )
    # Whoever is re-embedding right now must not publish vectors of the abandoned model.
    connection.execute(
        "UPDATE documents SET token = token + 1, lease_owner = NULL WHERE collection_row = ? AND status = 'completed' "
        "AND lease_owner IS NOT NULL",
        (collection["row"],),
    )
    target = None if model == collection["embedding_model"] else model
    connection.execute("UPDATE collections SET target_model = ? WHERE row = ?", (target, collection["row"]))
    _flip_if_done(connection, collection["row"])


def waiting(connection: sqlite3.Connection, *, limit: int, max_attempts: int) -> list[int]:
    """Give the rows of documents to embed again."""
    rows: list[int] = []
    for collection in connection.execute(
        "SELECT row FROM collections WHERE target_model IS NOT NULL ORDER BY row"
    ).fetchall():
        if len(rows) < limit:
            found = connection.execute(
                f"SELECT row FROM documents WHERE {_UNMOVED} AND lease_owner IS NULL AND reembed_attempts "
                f"< ? ORDER BY row LIMIT ?",
                (collection["row"], max_attempts, limit - len(rows)),
            )
            rows += [row["row"] for row in found]
    return rows


def settle(connection: sqlite3.Connection) -> None:
    """Finish the moves that have nothing left to do (the last document may have been deleted)."""
    for collection in connection.execute("SELECT row FROM collections WHERE target_model IS NOT NULL").fetchall():
        _flip_if_done(connection, collection["row"])


def mark_moved(connection: sqlite3.Connection, row: int, model: str) -> None:
    """Note that a document's vectors of the target model are stored, and finish the move if it was the last."""
    collection_row = connection.execute(
        "UPDATE documents SET next_model = ?, reembed_attempts = 0, reembed_error = NULL, lease_owner = "
        "NULL, token = token + 1 "
        "WHERE row = ? RETURNING collection_row",
        (model, row),
    ).fetchone()[0]
    _flip_if_done(connection, collection_row)


def note_failure(connection: sqlite3.Connection, row: int, message: str, *, final: bool = False) -> None:
    """Note why a document could not be embedded again; a final failure uses up its attempts."""
    connection.execute(
        "UPDATE documents SET reembed_error = ?, reembed_attempts = CASE WHEN ? THEN 1000000 ELSE "
        "reembed_attempts END WHERE row = ?",
        (message, final, row),
    )


def status(connection: sqlite3.Connection, collection: sqlite3.Row, *, max_attempts: int) -> Reembedding | None:
    """Say how far a collection's move is, or None when it is not moving."""
    if collection["target_model"] is None:
        return None
    total, done, failed, error = connection.execute(
        "SELECT count(*), count(next_model), total(next_model IS NULL AND reembed_attempts >= ? AND "
        "lease_owner IS NULL), "
        "max(reembed_error) FROM documents WHERE collection_row = ? AND status = 'completed'",
        (max_attempts, collection["row"]),
    ).fetchone()
    return Reembedding(collection["target_model"], done, total, int(failed), error)


def purge(connection: sqlite3.Connection, *, limit: int) -> int:
    """Delete up to `limit` stored blocks of vectors that no collection serves from or moves to; call again until 0."""
    return connection.execute(
        "DELETE FROM vectors WHERE row IN (SELECT v.row FROM vectors v JOIN documents d ON d.row = v.document_row "
        "JOIN collections c ON c.row = d.collection_row "
        "WHERE v.model <> c.embedding_model AND v.model IS NOT c.target_model LIMIT ?)",
        (limit,),
    ).rowcount


def _failures(connection: sqlite3.Connection, collection_row: int) -> bool:
    return (
        connection.execute(
            "SELECT 1 FROM documents WHERE collection_row = ? AND reembed_error IS NOT NULL LIMIT 1", (collection_row,)
        ).fetchone()
        is not None
    )


def _flip_if_done(connection: sqlite3.Connection, collection_row: int) -> None:
    if connection.execute(f"SELECT 1 FROM documents WHERE {_UNMOVED} LIMIT 1", (collection_row,)).fetchone():
        return
    flipped = connection.execute(
        "UPDATE collections SET embedding_model = target_model, target_model = NULL WHERE row = ? AND "
        "target_model IS NOT NULL",
        (collection_row,),
    ).rowcount
    if flipped:
        connection.execute(
            "UPDATE documents SET next_model = NULL WHERE collection_row = ? AND next_model IS NOT NULL",
            (collection_row,),
        )
        feed.bump(connection, collection_row)
