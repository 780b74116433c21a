"""Where in the archive a row is: a SQLite file beside it, made from the batches and made again when it is lost.

What two batches hold (a unit that was brought back and archived again, or a crash between writing and deleting) is
found in the later one. Thread-safe; many processes read while one writes.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from retrieval.durable import make_directory
from service.archive.folder import BatchName, batch_name
from service.archive.items import key_of

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (name TEXT PRIMARY KEY, month TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
  answer_id TEXT PRIMARY KEY, prompt_id TEXT NOT NULL, user TEXT NOT NULL, ms INTEGER NOT NULL,
  batch TEXT NOT NULL, place INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_of_prompt ON answers (prompt_id);
CREATE INDEX IF NOT EXISTS answers_of_user ON answers (user);
CREATE INDEX IF NOT EXISTS answers_of_batch ON answers (batch);
CREATE TABLE IF NOT EXISTS prompts (
  prompt_id TEXT PRIMARY KEY, batch TEXT NOT NULL, place INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS prompts_of_batch ON prompts (batch);
CREATE TABLE IF NOT EXISTS entries (
  ms INTEGER NOT NULL, sequence INTEGER NOT NULL, prompt_id TEXT NOT NULL, user TEXT NOT NULL,
  batch TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (ms, sequence)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_of_user ON entries (user, ms, sequence);
CREATE INDEX IF NOT EXISTS entries_of_prompt ON entries (prompt_id);
CREATE INDEX IF NOT EXISTS entries_of_batch ON entries (batch);
CREATE TABLE IF NOT EXISTS standing (
  key TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, prompt_id TEXT NOT NULL, batch TEXT NOT NULL,
  PRIMARY KEY (key, field)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS standing_of_prompt ON standing (prompt_id);
CREATE INDEX IF NOT EXISTS standing_of_batch ON standing (batch);
"""
_TABLES = ("answers", "prompts", "entries", "standing")
_MOST_NAMED = 500  # parameters of one query
Place = tuple[str, int]  # batch, row


class ArchiveIndex:
    """Rows by what they are asked for."""

    def __init__(self, path: Path) -> None:
        """Open or make the file."""
        make_directory(path.parent)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30.0)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is read again from the batches
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def batches(self) -> list[BatchName]:
        """Give the batches it knows."""
        rows = self._all("SELECT month, name FROM batches ORDER BY name")
        return [batch for month, name in rows if (batch := batch_name(month, name)) is not None]

    def is_empty(self) -> bool:
        """Tell whether nothing is archived."""
        return not self._all("SELECT 1 FROM batches LIMIT 1")

    def add(
        self,
        batch: BatchName,
        *,
        answers: Iterable[Sequence[Any]],
        prompts: Iterable[Sequence[Any]],
        entries: Iterable[Sequence[Any]],
        standing: Iterable[Sequence[Any]],
    ) -> None:
        """Note the rows of a batch.

        Args:
            batch: Which.
            answers: (answer id, prompt id, user, ms) in the order of the file.
            prompts: (prompt id,) in the order of the file.
            entries: (entry id, prompt id, user) in the order of the file.
            standing: (key, field, value, prompt id).
        """
        name = batch.name
        later = "WHERE excluded.batch >= batch"
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                f"ms = excluded.ms, batch = excluded.batch, place = excluded.place {later}",
                ((*row, name, place) for place, row in enumerate(answers)),
            )
            self._db.executemany(
                "INSERT INTO prompts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET "
                f"batch = excluded.batch, place = excluded.place {later}",
                ((*row, name, place) for place, row in enumerate(prompts)),
            )
            self._db.executemany(
                "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                f"batch = excluded.batch, place = excluded.place {later}",
                ((*key_of(row[0]), *row[1:], name, place) for place, row in enumerate(entries)),
            )
            self._db.executemany(
                "INSERT INTO standing VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                f"value = excluded.value, batch = excluded.batch {later}",
                ((*row, name) for row in standing),
            )
            self._db.execute("INSERT OR REPLACE INTO batches VALUES (?, ?)", (name, batch.month))

    def drop(self, batch: BatchName) -> None:
        """Forget the rows that are in no other batch than this one."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for table in _TABLES:
                self._db.execute(f"DELETE FROM {table} WHERE batch = ?", (batch.name,))
            self._db.execute("DELETE FROM batches WHERE name = ?", (batch.name,))

    def scrub(self) -> None:
        """Write the file anew: pages and the log beside it go on holding rows that were deleted."""
        with self._lock:
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def answers(self, answer_ids: Sequence[str]) -> dict[str, Place]:
        """Give where answers are."""
        return {row[0]: (row[1], row[2]) for row in self._of("answers", "answer_id", answer_ids, "batch, place")}

    def prompts(self, prompt_ids: Sequence[str]) -> dict[str, Place]:
        """Give where prompts are."""
        return {row[0]: (row[1], row[2]) for row in self._of("prompts", "prompt_id", prompt_ids, "batch, place")}

    def entries(self, entry_ids: Sequence[str]) -> dict[str, Place]:
        """Give where entries are."""
        found: dict[str, Place] = {}
        for entry_id in entry_ids:
            for batch, place in self._all(
                "SELECT batch, place FROM entries WHERE ms = ? AND sequence = ?", *key_of(entry_id)
            ):
                found[entry_id] = (batch, place)
        return found

    def between(
        self, start: tuple[float, float], stop: tuple[float, float], *, count: int, newest_first: bool
    ) -> list[str]:
        """Give up to `count` entries from `start` to `stop`, both included, as (ms, sequence)."""
        order = "DESC" if newest_first else "ASC"
        most = float(1 << 62)
        first, last = ([max(-1.0, min(part, most)) for part in bound] for bound in (start, stop))
        rows = self._all(
            "SELECT ms, sequence FROM entries WHERE (ms, sequence) >= (?, ?) AND (ms, sequence) <= (?, ?) "
            f"ORDER BY ms {order}, sequence {order} LIMIT ?",
            *first,
            *last,
            count,
        )
        return [f"{ms}-{sequence}" for ms, sequence in rows]

    def entries_of(self, user: str) -> list[str]:
        """Give the entries of a voter, oldest first."""
        rows = self._all("SELECT ms, sequence FROM entries WHERE user = ? ORDER BY ms, sequence", user)
        return [f"{ms}-{sequence}" for ms, sequence in rows]

    def answers_of_user(self, user: str) -> list[str]:
        """Give the answers that a person was given."""
        return [row[0] for row in self._all("SELECT answer_id FROM answers WHERE user = ?", user)]

    def answers_of_prompt(self, prompt_id: str) -> list[str]:
        """Give the answers to a prompt, oldest first."""
        return [
            row[0]
            for row in self._all(
                "SELECT answer_id FROM answers WHERE prompt_id = ? ORDER BY ms, batch, place", prompt_id
            )
        ]

    def entries_of_prompt(self, prompt_id: str) -> list[str]:
        """Give the entries about a prompt's answers, oldest first."""
        rows = self._all("SELECT ms, sequence FROM entries WHERE prompt_id = ? ORDER BY ms, sequence", prompt_id)
        return [f"{ms}-{sequence}" for ms, sequence in rows]

    def prompt_of(self, answer_id: str) -> str | None:
        """Give the prompt of an answer."""
        rows = self._all("SELECT prompt_id FROM answers WHERE answer_id = ?", answer_id)
        return rows[0][0] if rows else None

    def standing(self, key: str, most: int = -1) -> dict[str, str]:
        """Give what stands under a key of Redis: field -> value; up to `most`, below zero all."""
        return dict(self._all("SELECT field, value FROM standing WHERE key = ? LIMIT ?", key, most))

    def standing_of_prompt(self, prompt_id: str) -> list[tuple[str, str, str]]:
        """Give (key, field, value) of everything that stands about a prompt's answers."""
        return self._all("SELECT key, field, value FROM standing WHERE prompt_id = ?", prompt_id)

    def _of(self, table: str, column: str, names: Sequence[str], what: str) -> list[Any]:
        found: list[Any] = []
        for first in range(0, len(names), _MOST_NAMED):
            part = names[first : first + _MOST_NAMED]
            marks = ",".join("?" * len(part))
            found += self._all(f"SELECT {column}, {what} FROM {table} WHERE {column} IN ({marks})", *part)
        return found

    def _all(self, query: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._db.execute(query, values).fetchall()
