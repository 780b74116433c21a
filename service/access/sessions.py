"""Sessions of browsers, and the one-time links that begin one, in SQLite (`sessions.db`) beside the keys.

A session stands for a key: it may do what the key may do now, and ends with it. Both tokens are 256 random bits, of
which only the SHA-256 is kept.

Invariants: a link begins one session at most, whichever process is asked; a session that was ended is refused by the
very next request in every process, because each look-up asks the file. It is not in backups, so that a restored home
does not bring back what was ended.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from service.access.database import open_reader, writing
from service.access.keys import KeyStore

SESSIONS_FILE = "sessions.db"
LINK_S = 15 * 60.0
_TOKENS = "(sha256 BLOB PRIMARY KEY, key_id TEXT NOT NULL, expires_at REAL NOT NULL) STRICT"
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS home (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL) STRICT",
    f"CREATE TABLE IF NOT EXISTS sessions {_TOKENS}",
    f"CREATE TABLE IF NOT EXISTS links {_TOKENS}",
)


@dataclass(frozen=True, slots=True)
class Session:
    """What is known of a session; never its token."""

    key_id: str
    expires_at: float


class SessionStore:
    """The sessions of one home. Thread-safe, and safe with other processes on the same file."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Open the store, making it if need be.

        Args:
            path: The database file.
            clock: Gives the time in seconds since the epoch.
        """
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._reader = open_reader(path)
        with writing(self._path) as connection:
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute("INSERT OR IGNORE INTO home VALUES (1, ?)", (secrets.token_hex(4),))
            (name,) = connection.execute("SELECT name FROM home").fetchone()
        # Browsers do not tell ports apart: two services on one host must not overwrite each other's cookie.
        self.cookie = f"groundloop_{name}"

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._reader.close()

    def begin(self, key_id: str, *, lasts_s: float) -> tuple[Session, str]:
        """Begin a session for a key that was checked; give it with its token, which cannot be had again."""
        return self._insert("sessions", key_id, self._clock() + lasts_s)

    def make_link(self, key_id: str) -> tuple[Session, str]:
        """Make a link that begins one session for this key; give what is kept of it, and its token."""
        return self._insert("links", key_id, self._clock() + LINK_S)

    def spend_link(self, token: str) -> str | None:
        """Give the key's id that a link stands for, once; None when there is no such link, or it is spent or over."""
        with writing(self._path) as connection:
            row = connection.execute(
                "DELETE FROM links WHERE sha256 = ? RETURNING key_id, expires_at", (_digest(token),)
            ).fetchone()
        return str(row[0]) if row is not None and row[1] > self._clock() else None

    def find(self, token: str) -> Session | None:
        """Give the session of a token; None when there is none, or it has ended."""
        with self._lock:
            row = self._reader.execute(
                "SELECT key_id, expires_at FROM sessions WHERE sha256 = ?", (_digest(token),)
            ).fetchone()
        return Session(*row) if row is not None and row[1] > self._clock() else None

    def end(self, token: str) -> None:
        """End a session now and for good."""
        with writing(self._path) as connection:
            connection.execute("DELETE FROM sessions WHERE sha256 = ?", (_digest(token),))

    def _insert(self, table: str, key_id: str, expires_at: float) -> tuple[Session, str]:
        token = secrets.token_urlsafe(32)
        now = self._clock()
        with writing(self._path) as connection:
            for old in ("sessions", "links"):
                connection.execute(f"DELETE FROM {old} WHERE expires_at <= ?", (now,))  # noqa: S608 - constants only
            connection.execute(
                f"INSERT INTO {table} VALUES (?, ?, ?)",  # noqa: S608 - constants only
                (_digest(token), key_id, expires_at),
            )
        return Session(key_id, expires_at), token


def make_first_link(home: Path) -> tuple[Session, str] | None:
    """Make a link for the oldest admin key that still stands.

    Args:
        home: The home folder.

    Returns:
        The link and its token, to be shown to a person and never logged; None where there is no such key.
    """
    with closing(KeyStore(home / "keys.db")) as keys, closing(SessionStore(home / SESSIONS_FILE)) as sessions:
        for key in reversed(keys.list()):
            if key.role == "admin" and keys.standing(key.key_id) is not None:
                return sessions.make_link(key.key_id)
    return None


def sign_in_url(base: str, token: str) -> str:
    """Give the address that begins a session; what is behind `#` is never sent, so it is in no log."""
    return f"{base.rstrip('/')}/#sign-in={token}"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
