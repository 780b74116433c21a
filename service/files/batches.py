"""Which files were put into a collection together. Their state is the documents'; a batch only remembers the list.

In SQLite beside the catalog, so that a batch is known to every process and survives a restart. Old batches are
forgotten.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

KEPT_S = 30 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Batch:
    """A list of files that were attached together."""

    batch_id: str
    collection_id: str
    file_ids: tuple[str, ...]
    created_at: float


class BatchStore:
    """The batches of one home. Thread-safe, and safe with other processes on the same file."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Open the store, making it if need be.

        Args:
            path: The database file.
            clock: Gives the time in seconds since the epoch.
        """
        self._clock = clock
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10.0)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS batches "
            "(id TEXT PRIMARY KEY, collection_id TEXT NOT NULL, file_ids TEXT NOT NULL, created_at REAL NOT NULL) "
            "STRICT"
        )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def create(self, collection_id: str, file_ids: Sequence[str]) -> Batch:
        """Remember a list; it is on disk when this returns."""
        batch = Batch(f"vsfb_{secrets.token_hex(12)}", collection_id, tuple(file_ids), self._clock())
        with self._lock:
            self._connection.execute("DELETE FROM batches WHERE created_at < ?", (batch.created_at - KEPT_S,))
            self._connection.execute(
                "INSERT INTO batches VALUES (?, ?, ?, ?)",
                (batch.batch_id, collection_id, json.dumps(batch.file_ids), batch.created_at),
            )
        return batch

    def get(self, collection_id: str, batch_id: str) -> Batch | None:
        """Give a batch of this collection, or None."""
        with self._lock:
            row = self._connection.execute(
                "SELECT file_ids, created_at FROM batches WHERE id = ? AND collection_id = ?", (batch_id, collection_id)
            ).fetchone()
        return None if row is None else Batch(batch_id, collection_id, tuple(json.loads(row[0])), row[1])
