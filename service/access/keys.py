"""API keys in SQLite (`keys.db`), which works while Redis is down and is shared by every process on the host.

A key is `gl_<id>_<43 url-safe characters>`; only its SHA-256 is kept, which is enough because the secret is 256 random
bits.

Invariants: a secret is shown once, when it is made; a revoked key is refused by the very next request in every
process, because each look-up first asks SQLite (PRAGMA data_version, microseconds) whether any process has changed the
table.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from service.access.database import open_reader, writing
from service.access.principal import Principal, Role

SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
  id TEXT PRIMARY KEY, sha256 BLOB NOT NULL, last4 TEXT NOT NULL, role TEXT NOT NULL, name TEXT NOT NULL,
  groups TEXT NOT NULL, trusted INTEGER NOT NULL, segment TEXT, requests_per_minute INTEGER, votes_per_minute INTEGER,
  created_at REAL NOT NULL, expires_at REAL, revoked_at REAL
) STRICT
"""
ADMIN_KEY_FILE = "admin.key"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; never the secret."""

    key_id: str
    name: str
    role: Role
    last4: str
    groups: frozenset[str]
    trusted: bool
    segment: str | None
    requests_per_minute: int | None
    votes_per_minute: int | None
    created_at: float
    expires_at: float | None
    revoked_at: float | None

    def principal(self) -> Principal:
        """Give the caller that this key stands for."""
        return Principal(
            key_id=self.key_id,
            role=self.role,
            groups=self.groups,
            trusted=self.trusted or self.role != "user",
            segment=self.segment,
            requests_per_minute=self.requests_per_minute,
            votes_per_minute=self.votes_per_minute,
        )


class KeyStore:
    """The keys of one home. Thread-safe, and safe with other processes on the same file."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Open the store, making it if need be.

        Args:
            path: The database file.
            clock: Gives the time in seconds since the epoch.
        """
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        # Never written to, so that data_version tells of every write, our own included.
        self._reader = open_reader(path)
        with writing(self._path) as connection:
            connection.execute(SCHEMA)
        self._seen_version = -1
        self._cache: dict[str, tuple[bytes, ApiKey, Principal] | None] = {}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._reader.close()

    def create(
        self,
        name: str,
        role: Role = "user",
        *,
        groups: frozenset[str] = frozenset(),
        trusted: bool = False,
        segment: str | None = None,
        requests_per_minute: int | None = None,
        votes_per_minute: int | None = None,
        expires_at: float | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key; it is on disk when this returns.

        Args:
            name: What people call it.
            role: What it may do.
            groups: Groups whose collections it may read.
            trusted: Whether it may name the end user it acts for; operators and admins always may.
            segment: Label by which results are reported.
            requests_per_minute: Limit of this key; None takes the setting, 0 is no limit.
            votes_per_minute: The same for votes.
            expires_at: When it ends, in seconds since the epoch.

        Returns:
            What is kept of the key, and its secret, which cannot be had again.
        """
        wanted = ApiKey(
            "", name, role, "", groups, trusted, segment, requests_per_minute, votes_per_minute, 0.0, expires_at, None
        )
        key, secret = self._draft(wanted)
        with writing(self._path) as connection:
            _insert(connection, key, secret)
        return key, secret

    def ensure_admin(self, home: Path) -> str | None:
        """Make the first admin key when there is none, and keep it in `home/admin.key`, mode 0600.

        Args:
            home: Where the file goes.

        Returns:
            The secret when one was made, else None.
        """
        with writing(self._path) as connection:
            if connection.execute("SELECT 1 FROM keys WHERE role = 'admin' AND revoked_at IS NULL").fetchone():
                return None
            wanted = ApiKey("", "first admin", "admin", "", frozenset(), True, None, 0, 0, 0.0, None, None)
            key, secret = self._draft(wanted)
            # The file first: a crash in between leaves a file that the next start replaces, not a key nobody has.
            _write_secret_file(home / ADMIN_KEY_FILE, secret + "\n")
            _insert(connection, key, secret)
        return secret

    def authenticate(self, secret: str) -> Principal | None:
        """Give the caller whose key this is, or None when there is no such key, or it has ended or was revoked."""
        prefix, _, rest = secret.partition("_")
        key_id, _, _ = rest.partition("_")
        if prefix != "gl" or not key_id:
            return None
        digest = hashlib.sha256(secret.encode()).digest()
        with self._lock:
            entry = self._find(key_id)
        if entry is None or not hmac.compare_digest(entry[0], digest):
            return None
        return entry[2] if self._stands(entry[1]) else None

    def standing(self, key_id: str) -> Principal | None:
        """Give the caller that a key stands for, by its id alone; None as in `authenticate`."""
        with self._lock:
            entry = self._find(key_id)
        return entry[2] if entry is not None and self._stands(entry[1]) else None

    def get(self, key_id: str) -> ApiKey | None:
        """Give a key by its id, revoked ones included."""
        with self._lock:
            entry = self._find(key_id)
        return None if entry is None else entry[1]

    def list(self) -> list[ApiKey]:
        """Give every key, the newest first, revoked ones included."""
        with self._lock:
            rows = self._reader.execute(f"{_SELECT} ORDER BY created_at DESC, id").fetchall()
        return [_from_row(row)[1] for row in rows]

    def revoke(self, key_id: str) -> ApiKey | None:
        """End a key now and for good; None when there is no such key. Revoking twice keeps the first time."""
        with writing(self._path) as connection:
            connection.execute(
                "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (self._clock(), key_id)
            )
        return self.get(key_id)

    def _stands(self, key: ApiKey) -> bool:
        return key.revoked_at is None and (key.expires_at is None or key.expires_at > self._clock())

    def _find(self, key_id: str) -> tuple[bytes, ApiKey, Principal] | None:
        version = self._reader.execute("PRAGMA data_version").fetchone()[0]
        if version != self._seen_version or len(self._cache) > 10_000:
            self._cache.clear()
            self._seen_version = version
        if key_id not in self._cache:
            row = self._reader.execute(f"{_SELECT} WHERE id = ?", (key_id,)).fetchone()
            if row is None:
                return None  # not cached: a stream of made-up ids must not fill the memory
            digest, key = _from_row(row)
            self._cache[key_id] = (digest, key, key.principal())
        return self._cache[key_id]

    def _draft(self, wanted: ApiKey) -> tuple[ApiKey, str]:
        key_id = secrets.token_hex(6)
        secret = f"gl_{key_id}_{secrets.token_urlsafe(32)}"
        return replace(wanted, key_id=key_id, last4=secret[-4:], created_at=self._clock()), secret


def make_first_key(home: Path) -> str | None:
    """Make the first admin key of a home when it has none, in a file for its owner alone.

    Args:
        home: The home folder.

    Returns:
        The secret when one was made, to be shown to a person and never logged; else None.
    """
    store = KeyStore(home / "keys.db")
    try:
        return store.ensure_admin(home)
    finally:
        store.close()


_COLUMNS = (
    "id, name, role, last4, groups, trusted, segment, requests_per_minute, votes_per_minute, "
    "created_at, expires_at, revoked_at"
)
_SELECT = f"SELECT sha256, {_COLUMNS} FROM keys"  # noqa: S608 - constants only


def _insert(connection: sqlite3.Connection, key: ApiKey, secret: str) -> None:
    connection.execute(
        f"INSERT INTO keys (sha256, {_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",  # noqa: S608 - constants only
        (
            hashlib.sha256(secret.encode()).digest(),
            key.key_id,
            key.name,
            key.role,
            key.last4,
            json.dumps(sorted(key.groups)),
            int(key.trusted),
            key.segment,
            key.requests_per_minute,
            key.votes_per_minute,
            key.created_at,
            key.expires_at,
            key.revoked_at,
        ),
    )


def _from_row(row: tuple[object, ...]) -> tuple[bytes, ApiKey]:
    digest, key_id, name, role, last4, groups, trusted, *rest = row
    names = frozenset(json.loads(str(groups)))
    key = ApiKey(key_id, name, role, last4, names, bool(trusted), *rest)  # type: ignore[arg-type]
    return digest, key  # type: ignore[return-value]


def _write_secret_file(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)
