"""Leases on documents: who works on what, and what happens when a worker dies.

A claim is a lease with an end and a token that only grows. The token is the fence: taking a document back raises it,
so whatever the former holder still sends is refused (`StaleClaim`). A lease that has run out but was not taken back
still counts.

Leases are measured on the monotonic clock, which all processes of a machine share and which nobody can set. It starts
again at boot; hence a lease also ends when it would last longer than it was granted for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from retrieval.catalog import documents, reembedding
from retrieval.catalog.documents import COLUMNS, SOURCE
from retrieval.catalog.rows import Claim, ClaimAction, to_document
from retrieval.errors import StaleClaim
from retrieval.types import DocumentError, Stage

_EXPIRED = "lease_owner IS NOT NULL AND NOT (lease_until > :now AND lease_until <= :now + lease_s)"
_WAITING = "status = 'in_progress' AND lease_owner IS NULL"


def has_work(connection: sqlite3.Connection, *, now: float) -> bool:
    """Tell whether a claim would find or settle anything."""
    queries = (
        f"SELECT 1 FROM documents WHERE {_WAITING} LIMIT 1",
        f"SELECT 1 FROM documents WHERE {_EXPIRED} LIMIT 1",
        "SELECT 1 FROM collections WHERE target_model IS NOT NULL LIMIT 1",
    )
    return any(connection.execute(query, {"now": now}).fetchone() for query in queries)


def claim(
    connection: sqlite3.Connection,
    worker: str,
    *,
    lease_s: float,
    limit: int,
    max_attempts: int,
    monotonic: float,
    now: float,
    blob: Callable[[str], Path],
) -> list[Claim]:
    """Lease up to `limit` documents, new ones before re-embedding, oldest first."""
    sweep(connection, max_attempts=max_attempts, monotonic=monotonic, now=now)
    reembedding.settle(connection)
    fresh = connection.execute(f"SELECT row FROM documents WHERE {_WAITING} ORDER BY row LIMIT ?", (limit,)).fetchall()
    moving = reembedding.waiting(connection, limit=limit - len(fresh), max_attempts=max_attempts)
    chosen: list[tuple[int, ClaimAction]] = [(row["row"], "ingest") for row in fresh]
    chosen += [(row, "reembed") for row in moving]
    return [
        _lease(connection, row, action, worker, lease_s=lease_s, monotonic=monotonic, now=now, blob=blob)
        for row, action in chosen
    ]


def sweep(connection: sqlite3.Connection, *, max_attempts: int, monotonic: float, now: float) -> int:
    """Take back the documents of workers that no longer renew their lease, and give how many those were.

    Those that have had all their attempts have failed.
    """
    lost = connection.execute(f"SELECT * FROM documents WHERE {_EXPIRED}", {"now": monotonic}).fetchall()
    for row in lost:
        connection.execute("UPDATE documents SET token = token + 1, lease_owner = NULL WHERE row = ?", (row["row"],))
        if row["status"] == "in_progress":
            times = f"{row['attempts']} times" if row["attempts"] > 1 else "once"
            error = DocumentError("server_error", f"The worker died {times} while {row['stage']}.")
            _again_or_fail(connection, row, error, max_attempts=max_attempts, now=now)
        else:
            reembedding.note_failure(connection, row["row"], "The worker died while embedding.")
    return len(lost)


def heartbeat(connection: sqlite3.Connection, claim: Claim, *, lease_s: float, monotonic: float) -> None:
    """Renew a lease."""
    _update(connection, claim, "lease_s = ?, lease_until = ?", (lease_s, monotonic + lease_s))


def progress(connection: sqlite3.Connection, claim: Claim, stage: Stage, percent: int, *, now: float) -> None:
    """Say how far the work has come. Re-embedding shows nothing: the document stays as completed as it is."""
    if claim.action == "ingest":
        _update(connection, claim, "stage = ?, percent = ?, updated_at = ?", (stage, max(0, min(percent, 99)), now))


def fail(connection: sqlite3.Connection, claim: Claim, error: DocumentError, *, now: float) -> None:
    """End a document as failed; what it was to replace stays."""
    _end(connection, claim)
    if claim.action == "reembed":
        reembedding.note_failure(connection, claim.document_row, error.message, final=True)
    else:
        _set_failed(connection, claim.document_row, error, now=now)


def retry(connection: sqlite3.Connection, claim: Claim, error: DocumentError, *, max_attempts: int, now: float) -> bool:
    """Give a document back after an unexpected failure; False when this was the last attempt and it has failed."""
    row = _end(connection, claim)
    if claim.action == "reembed":
        reembedding.note_failure(connection, claim.document_row, error.message)
        return bool(row["reembed_attempts"] < max_attempts)
    return _again_or_fail(connection, row, error, max_attempts=max_attempts, now=now)


def release(connection: sqlite3.Connection, claim: Claim) -> None:
    """Give a document back untouched; the attempt does not count."""
    _end(connection, claim)
    if claim.action == "reembed":
        connection.execute(
            "UPDATE documents SET reembed_attempts = reembed_attempts - 1 WHERE row = ?", (claim.document_row,)
        )
    else:
        put_back(connection, claim.document_row)


def pending_count(connection: sqlite3.Connection, *, max_attempts: int) -> int:
    """Count documents that are not ingested yet, and documents still to be embedded again."""
    (count,) = connection.execute(
        "SELECT (SELECT count(*) FROM documents WHERE status = 'in_progress') + (SELECT count(*) FROM collections c "
        "JOIN documents d ON d.collection_row = c.row WHERE c.target_model IS NOT NULL AND d.status = 'completed' "
        "AND d.next_model IS NULL AND (d.lease_owner IS NOT NULL OR d.reembed_attempts < ?))",
        (max_attempts,),
    ).fetchone()
    return int(count)


def put_back(connection: sqlite3.Connection, row: int) -> None:
    """Make a document wait again as if it had not been claimed."""
    connection.execute(
        "UPDATE documents SET stage = 'queued', percent = 0, attempts = attempts - 1, lease_owner = NULL, "
        "token = token + 1 WHERE row = ?",
        (row,),
    )


def holds(connection: sqlite3.Connection, claim: Claim) -> sqlite3.Row | None:
    """Fetch the claimed document's joined row when the claim is still the current one."""
    row: sqlite3.Row | None = connection.execute(
        f"SELECT {COLUMNS}, c.embedding_model, c.target_model {SOURCE} WHERE d.row = ? AND d.token = ? AND "
        f"d.lease_owner = ?",
        (claim.document_row, claim.token, claim.worker),
    ).fetchone()
    return row


def stale(claim: Claim) -> StaleClaim:
    """Make the error that a worker without a lease gets."""
    return StaleClaim(f"The claim on document {claim.document.document_id!r} is no longer held by {claim.worker!r}.")


def _lease(
    connection: sqlite3.Connection,
    row: int,
    action: ClaimAction,
    worker: str,
    *,
    lease_s: float,
    monotonic: float,
    now: float,
    blob: Callable[[str], Path],
) -> Claim:
    progress = (
        "attempts = attempts + 1, updated_at = :now"
        if action == "ingest"
        else "reembed_attempts = reembed_attempts + 1"
    )
    connection.execute(
        f"UPDATE documents SET token = token + 1, lease_owner = :worker, lease_s = :lease, lease_until = "
        f":until, {progress} "
        "WHERE row = :row",
        {"worker": worker, "lease": lease_s, "until": monotonic + lease_s, "now": now, "row": row},
    )
    found = connection.execute(
        f"SELECT {COLUMNS}, c.embedding_model, c.target_model {SOURCE} WHERE d.row = ?",
        (row,),
    ).fetchone()
    model = found["embedding_model"] if action == "ingest" else found["target_model"]
    return Claim(to_document(found), row, found["token"], worker, blob(found["sha256"]), model, action)


def _update(connection: sqlite3.Connection, claim: Claim, assignments: str, values: tuple[object, ...]) -> None:
    changed = connection.execute(
        f"UPDATE documents SET {assignments} WHERE row = ? AND token = ? AND lease_owner = ?",
        (*values, claim.document_row, claim.token, claim.worker),
    ).rowcount
    if not changed:
        raise stale(claim)


def _end(connection: sqlite3.Connection, claim: Claim) -> sqlite3.Row:
    row = holds(connection, claim)
    if row is None:
        raise stale(claim)
    connection.execute(
        "UPDATE documents SET token = token + 1, lease_owner = NULL WHERE row = ?", (claim.document_row,)
    )
    return row


def _again_or_fail(
    connection: sqlite3.Connection, row: sqlite3.Row, error: DocumentError, *, max_attempts: int, now: float
) -> bool:
    if row["attempts"] >= max_attempts:
        _set_failed(connection, row["row"], error, now=now)
        return False
    connection.execute(
        "UPDATE documents SET stage = 'queued', percent = 0, updated_at = ? WHERE row = ?", (now, row["row"])
    )
    return True


def _set_failed(connection: sqlite3.Connection, row: int, error: DocumentError, *, now: float) -> None:
    collection_row = connection.execute(
        "UPDATE documents SET status = 'failed', stage = 'done', error_code = ?, error_message = ?, "
        "updated_at = ? WHERE row = ? "
        "RETURNING collection_row",
        (error.code, error.message, now, row),
    ).fetchone()[0]
    documents.touch(connection, collection_row, now=now)
