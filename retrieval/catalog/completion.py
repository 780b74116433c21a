"""Publishing a worker's result: text, chunks and vectors become visible in one transaction, or not at all."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.catalog import documents, feed, queue, reembedding
from retrieval.catalog.rows import Claim
from retrieval.errors import InvalidInput
from retrieval.types import ChunkDraft, ParsedDocument

_PART = 1024  # vectors a stored block; keeps blobs far below SQLite's limit and batches small
_COMPRESSION = 1  # level 6 costs three times the processor time for a tenth less


@dataclass(frozen=True, slots=True)
class Result:
    """What a worker made of a claimed document.

    `vectors` is (n, d) float32, one row a chunk, finite. For a "reembed" claim `parsed` is None and `chunks` is
    empty: only the vectors are new, one for each chunk the document already has.
    """

    claim: Claim
    parsed: ParsedDocument | None
    chunks: Sequence[ChunkDraft]
    vectors: np.ndarray


@dataclass(frozen=True, slots=True)
class Sealed:
    """A result that has been checked and encoded outside the transaction."""

    claim: Claim
    title: str
    text: bytes
    chunks: tuple[tuple[int, int, int | None, int | None, str, str], ...]
    dimension: int
    count: int
    blocks: tuple[bytes, ...]


def seal(result: Result) -> Sealed:
    """Check a result and encode it, so that the transaction that stores it is short.

    Args:
        result: A worker's result.

    Returns:
        The same, ready to be stored.

    Raises:
        InvalidInput: When vectors are not (n, d) finite floats, one a chunk, or a chunk is not the text at its offsets.
    """
    vectors = np.ascontiguousarray(result.vectors, dtype="<f4")  # [n, d]
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise InvalidInput("Vectors are a two-dimensional array of finite numbers.", param="vectors")
    text, title = b"", ""
    if result.parsed is not None:
        if len(vectors) != len(result.chunks):
            raise InvalidInput(f"There are {len(vectors)} vectors for {len(result.chunks)} chunks.", param="vectors")
        source = result.parsed.text
        for chunk in result.chunks:
            if not 0 <= chunk.start <= chunk.end or source[chunk.start : chunk.end] != chunk.text:
                raise InvalidInput(f"The chunk at {chunk.start} is not the text at its offsets.", param="chunks")
        title = _clean(result.parsed.title)
        text = zlib.compress(_clean(source).encode(), _COMPRESSION)
    rows = tuple(
        (c.start, c.end, c.page_start, c.page_end, json.dumps([_clean(h) for h in c.heading_path]), _clean(c.text))
        for c in result.chunks
    )
    blocks = tuple(vectors[i : i + _PART].tobytes() for i in range(0, len(vectors), _PART))
    return Sealed(result.claim, title, text, rows, vectors.shape[1], len(vectors), blocks)


def store(connection: sqlite3.Connection, sealed: Sealed, *, now: float) -> bool:
    """Publish a result; False when the claim is stale, or the collection's model changed and the document waits."""
    claim = sealed.claim
    row = queue.holds(connection, claim)
    if row is None:
        return False
    expected = row["embedding_model"] if claim.action == "ingest" else row["target_model"]
    if expected != claim.embedding_model:
        queue.release(connection, claim)
        return False
    _remember_model(connection, claim.embedding_model, sealed)
    if claim.action == "reembed":
        if sealed.count != row["chunk_count"]:
            raise InvalidInput(f"There are {sealed.count} vectors for {row['chunk_count']} chunks.", param="vectors")
        _insert_vectors(connection, sealed, row["first_chunk"])
        reembedding.mark_moved(connection, claim.document_row, claim.embedding_model)
        return True
    _publish(connection, sealed, row, now=now)
    return True


def _publish(connection: sqlite3.Connection, sealed: Sealed, row: sqlite3.Row, *, now: float) -> None:
    document_row = row["row"]
    first = _next_chunk(connection)
    connection.executemany(
        "INSERT INTO chunks (row, document_row, start_offset, end_offset, page_start, page_end, heading_path, text) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        ((first + i, document_row, *chunk) for i, chunk in enumerate(sealed.chunks)),
    )
    _insert_vectors(connection, sealed, first)
    connection.execute("INSERT INTO document_texts VALUES (?, ?)", (document_row, sealed.text))
    usage = len(sealed.text) + sum(map(len, sealed.blocks)) + sum(len(chunk[5]) for chunk in sealed.chunks)
    connection.execute(
        "UPDATE documents SET title = ?, status = 'completed', stage = 'done', percent = 100, seq = ?, "
        "first_chunk = ?, chunk_count = ?, "
        "usage_bytes = ?, token = token + 1, lease_owner = NULL, updated_at = ? WHERE row = ?",
        (
            sealed.title,
            feed.bump(connection, row["collection_row"]),
            first,
            sealed.count,
            usage,
            now,
            document_row,
        ),
    )
    documents.touch(connection, row["collection_row"], now=now)
    if row["replaces"]:
        documents.remove_older_namesakes(connection, document_row, row["collection_row"], row["filename"], now=now)


def _next_chunk(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'").fetchone()
    return int(row["seq"]) + 1 if row else 1


def _insert_vectors(connection: sqlite3.Connection, sealed: Sealed, first_chunk: int) -> None:
    connection.execute(
        "DELETE FROM vectors WHERE document_row = ? AND model = ?",
        (sealed.claim.document_row, sealed.claim.embedding_model),
    )
    connection.executemany(
        "INSERT INTO vectors (document_row, model, part, first_chunk, count, data) VALUES (?, ?, ?, ?, ?, ?)",
        _parts(sealed, first_chunk),
    )


def _parts(sealed: Sealed, first_chunk: int) -> Iterator[tuple[int, str, int, int, int, bytes]]:
    for part, block in enumerate(sealed.blocks):
        count = len(block) // (4 * sealed.dimension)
        yield sealed.claim.document_row, sealed.claim.embedding_model, part, first_chunk + part * _PART, count, block


def _remember_model(connection: sqlite3.Connection, model: str, sealed: Sealed) -> None:
    if not sealed.count:
        return
    connection.execute("INSERT OR IGNORE INTO models VALUES (?, ?)", (model, sealed.dimension))
    (known,) = connection.execute("SELECT dimension FROM models WHERE name = ?", (model,)).fetchone()
    if known != sealed.dimension:
        raise InvalidInput(f"{model} gave {sealed.dimension} dimensions where it gave {known} before.", param="vectors")


def _clean(text: str) -> str:
    """SQLite stores UTF-8.

    Half a surrogate pair, which a broken file can produce, becomes a question mark of the same length.
    """
    return text.encode("utf-8", "replace").decode("utf-8")
