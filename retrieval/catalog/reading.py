"""Reading what was ingested: chunks, passages and source texts, for a caller."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable

from retrieval.catalog import queue
from retrieval.catalog.access import readable_collection
from retrieval.catalog.documents import SOURCE, get_row
from retrieval.catalog.rows import CHUNK_PREFIX, ChunkPage, ChunkText, Claim, to_passage
from retrieval.catalog.validate import page_limit
from retrieval.errors import DocumentNotFound, InvalidInput
from retrieval.types import Caller, Passage

_COLUMNS = (
    "k.row AS chunk_row, k.text, k.start_offset, k.end_offset, k.page_start, k.page_end, k.heading_path, "
    "d.file_id, d.title, d.attributes, c.collection_id, f.filename"
)
_CHUNKS = SOURCE + " JOIN chunks k ON k.document_row = d.row"


def passages(connection: sqlite3.Connection, caller: Caller, rows: Iterable[int]) -> dict[int, Passage]:
    """Fetch chunks by row; those that are gone or unreadable are left out."""
    condition, parameters = readable_collection(caller)
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM json_each(?) wanted CROSS JOIN chunks k ON k.row = wanted.value "
        "JOIN documents d ON d.row = k.document_row JOIN collections c ON c.row = d.collection_row "
        f"JOIN files f ON f.file_id = d.file_id WHERE {condition}",
        [json.dumps([int(row) for row in rows]), *parameters],
    )
    return {row["chunk_row"]: to_passage(row) for row in found}


def chunk(connection: sqlite3.Connection, caller: Caller, chunk_id: str) -> Passage:
    """Fetch one chunk by its public id."""
    row = _row_of(chunk_id)
    found = {} if row is None else passages(connection, caller, [row])
    if not found:
        raise DocumentNotFound(f"There is no chunk {chunk_id!r}.")
    return next(iter(found.values()))


def chunks(connection: sqlite3.Connection, caller: Caller, collection_id: str, document_id: str) -> list[Passage]:
    """Fetch a document's chunks in order."""
    row = get_row(connection, caller, collection_id, document_id)
    found = connection.execute(f"SELECT {_COLUMNS} {_CHUNKS} WHERE d.row = ? ORDER BY k.row", (row["row"],))
    return [to_passage(chunk) for chunk in found]


def chunk_page(
    connection: sqlite3.Connection,
    caller: Caller,
    collection_id: str,
    document_id: str,
    *,
    limit: int,
    after: str | None,
) -> ChunkPage:
    """Fetch some of a document's chunks in order; their rows follow each other, so a place is a difference."""
    document = get_row(connection, caller, collection_id, document_id)
    first, count = document["first_chunk"] or 0, document["chunk_count"]
    start = 0
    if after is not None:
        row = _row_of(after)
        if row is None or not first <= row < first + count:
            raise InvalidInput(f"There is no chunk {after!r} in this document to continue after.", param="after")
        start = row - first + 1
    found = connection.execute(
        f"SELECT {_COLUMNS} {_CHUNKS} WHERE d.row = ? AND k.row >= ? ORDER BY k.row LIMIT ?",
        (document["row"], first + start, page_limit(limit)),
    )
    items = tuple(to_passage(chunk) for chunk in found)
    return ChunkPage(items, start, start + len(items) < count)


def document_text(connection: sqlite3.Connection, caller: Caller, collection_id: str, document_id: str) -> str:
    """Fetch the text that a document's offsets point into."""
    row = get_row(connection, caller, collection_id, document_id)
    found = connection.execute("SELECT text FROM document_texts WHERE document_row = ?", (row["row"],)).fetchone()
    if found is None:
        raise DocumentNotFound(f"The document {document_id!r} is {row['status']} and has no text.")
    return zlib.decompress(found["text"]).decode()


def claimed_chunks(connection: sqlite3.Connection, claim: Claim) -> list[ChunkText]:
    """Fetch the chunks of a claimed document, to embed them again."""
    held = queue.holds(connection, claim)
    if held is None:
        raise queue.stale(claim)
    found = connection.execute(
        "SELECT row, heading_path, text FROM chunks WHERE document_row = ? ORDER BY row", (claim.document_row,)
    )
    return [
        ChunkText(r["row"], held["file_id"], held["title"], tuple(json.loads(r["heading_path"])), r["text"])
        for r in found
    ]


def _row_of(chunk_id: str) -> int | None:
    """Give the row of a chunk's public id; None where it can be nobody's."""
    digits = chunk_id.removeprefix(CHUNK_PREFIX)
    is_id = chunk_id.startswith(CHUNK_PREFIX) and digits.isascii() and digits.isdigit() and len(digits) < 19
    return int(digits) if is_id else None
