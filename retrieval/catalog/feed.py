"""What an index follows: sequence numbers, and the chunks added and removed between two of them.

Sequence numbers are handed out inside write transactions, of which SQLite allows one at a time, so they become
visible in order: a reader that has seen number n will never later meet a change numbered below n.

Reads here take no caller: an index holds everything, and what it finds is read through `reading.passages`, which does.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.catalog.rows import Changes, ChunkText, CollectionRef, DocumentSpan, RowIds
from retrieval.errors import CollectionNotFound


@dataclass(frozen=True, slots=True)
class Position:
    """How far an iteration over a collection has come: after part `part` of the document published at `seq`."""

    seq: int
    part: int = 1 << 62


def version(connection: sqlite3.Connection) -> int:
    """Give the newest sequence number of all."""
    return int(connection.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()[0])


def next_seq(connection: sqlite3.Connection) -> int:
    """Take the next sequence number."""
    return int(
        connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'version' RETURNING value").fetchone()[0]
    )


def bump(connection: sqlite3.Connection, collection_row: int) -> int:
    """Take the next sequence number for a change to a collection."""
    seq = next_seq(connection)
    connection.execute("UPDATE collections SET seq = ? WHERE row = ?", (seq, collection_row))
    return seq


def collection(connection: sqlite3.Connection, collection_id: str) -> sqlite3.Row:
    """Fetch a collection's row, for the index."""
    row = connection.execute("SELECT * FROM collections WHERE collection_id = ?", (collection_id,)).fetchone()
    if row is None:
        raise CollectionNotFound(f"There is no collection {collection_id!r}.")
    return row  # type: ignore[no-any-return]


def references(connection: sqlite3.Connection) -> tuple[CollectionRef, ...]:
    """Fetch all collections, for the index."""
    rows = connection.execute("SELECT collection_id, name, embedding_model, seq FROM collections ORDER BY row")
    return tuple(CollectionRef(*row) for row in rows)


def changes(connection: sqlite3.Connection, collection_id: str, after_seq: int) -> Changes:
    """Give the net difference since `after_seq`; 0 gives everything."""
    row = collection(connection, collection_id)
    complete = after_seq == 0 or after_seq >= row["floor_seq"]
    added = connection.execute(
        "SELECT first_chunk, chunk_count FROM documents WHERE collection_row = ? AND seq > ? ORDER BY seq",
        (row["row"], after_seq),
    ).fetchall()
    # What came and went since then was never seen by the follower: it is no change.
    removed = connection.execute(
        "SELECT first_chunk, chunk_count FROM removed_spans WHERE collection_row = ? AND seq > ? AND "
        "added_seq <= ? ORDER BY seq",
        (row["row"], after_seq, after_seq),
    ).fetchall()
    return Changes(row["seq"], _expand(added), _expand(removed), row["embedding_model"], complete)


def forget_removals(connection: sqlite3.Connection, collection_id: str, up_to_seq: int) -> None:
    """Drop removals that no index needs any more; followers older than that start again from 0."""
    row = collection(connection, collection_id)
    connection.execute("DELETE FROM removed_spans WHERE collection_row = ? AND seq <= ?", (row["row"], up_to_seq))
    connection.execute("UPDATE collections SET floor_seq = max(floor_seq, ?) WHERE row = ?", (up_to_seq, row["row"]))


def spans(connection: sqlite3.Connection, collection_id: str) -> tuple[DocumentSpan, ...]:
    """Give the searchable documents with their chunk rows and attributes."""
    rows = connection.execute(
        "SELECT d.file_id, f.filename, d.first_chunk, d.chunk_count, d.attributes FROM documents d JOIN "
        "files f USING (file_id) "
        "WHERE d.collection_row = ? AND d.seq IS NOT NULL ORDER BY d.seq",
        (collection(connection, collection_id)["row"],),
    )
    return tuple(DocumentSpan(r[0], r[1], r[2], r[3], json.loads(r[4])) for r in rows)


def vectors_after(
    connection: sqlite3.Connection, collection_id: str, model: str, position: Position, up_to_seq: int, batch: int
) -> tuple[RowIds, np.ndarray, Position] | None:
    """Read the next vectors as published: ids (n,), vectors (n, d) and the position after them; None at the end."""
    rows = connection.execute(
        "SELECT v.first_chunk, v.count, v.part, v.data, d.seq FROM documents d JOIN vectors v ON "
        "v.document_row = d.row AND v.model = ? "
        "WHERE d.collection_row = ? AND d.seq >= ? AND d.seq <= ? AND (d.seq > ? OR v.part > ?) ORDER BY d.seq, v.part",
        (
            model,
            collection(connection, collection_id)["row"],
            position.seq,
            up_to_seq,
            position.seq,
            position.part,
        ),
    )
    found: list[tuple[int, int]] = []
    parts: list[bytes] = []
    count = 0
    for first, length, part, data, seq in rows:
        found.append((first, length))
        parts.append(data)
        position = Position(seq, part)
        count += length
        if count >= batch:
            break
    if not found:
        return None
    flat = np.frombuffer(b"".join(parts), dtype="<f4")
    return _expand(found), flat.reshape(count, -1).astype(np.float32, copy=False), position


def texts_after(
    connection: sqlite3.Connection, collection_id: str, position: Position, up_to_seq: int, batch: int
) -> tuple[list[ChunkText], Position] | None:
    """Read the next chunk texts in order of publication; a position's part is the last chunk row."""
    rows = connection.execute(
        "SELECT k.row, d.file_id, d.title, k.heading_path, k.text, d.seq FROM documents d JOIN chunks k "
        "ON k.document_row = d.row "
        "WHERE d.collection_row = ? AND d.seq >= ? AND d.seq <= ? AND (d.seq > ? OR k.row > ?) ORDER BY "
        "d.seq, k.row LIMIT ?",
        (
            collection(connection, collection_id)["row"],
            position.seq,
            up_to_seq,
            position.seq,
            position.part,
            batch,
        ),
    ).fetchall()
    if not rows:
        return None
    texts = [
        ChunkText(row["row"], row["file_id"], row["title"], tuple(json.loads(row["heading_path"])), row["text"])
        for row in rows
    ]
    return texts, Position(rows[-1]["seq"], rows[-1]["row"])


def _expand(found: Sequence[tuple[int, int] | sqlite3.Row]) -> RowIds:
    return np.concatenate(list(_ranges(found))) if found else np.empty(0, np.int64)


def _ranges(found: Sequence[tuple[int, int] | sqlite3.Row]) -> Iterator[RowIds]:
    for first, count in found:
        yield np.arange(first, first + count, dtype=np.int64)
