"""Connections and transactions. Knows SQLite, nothing of documents.

Connections are pooled, one per transaction in flight, and belong to one process: after a fork the child opens its
own. Writers of one process queue on a lock (fair, no polling); writers of several processes queue on SQLite's own
lock (`busy_timeout`).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from retrieval.catalog.schema import migrate
from retrieval.errors import StorageFull

_BUSY_TIMEOUT_MS = 30_000
# SQLITE_IOERR_WRITE is what a quota (EDQUOT) or a file size limit looks like; a full disk proper is SQLITE_FULL.
_REFUSED_WRITES = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
}


class _Connection(sqlite3.Connection):
    durable = True


class Database:
    """A pool of connections to one SQLite file. Safe to use from any thread and from many processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: list[_Connection] = []
        self._inherited: list[_Connection] = []
        self._reset()
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            # Two processes that switch a new file to WAL at once can get SQLITE_BUSY whatever the timeout says.
            fcntl.flock(lock, fcntl.LOCK_EX)
            with _translated():
                connection = self._connect()
                migrate(connection)
            self._idle.append(connection)
        finally:
            os.close(lock)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that sees one moment of the database."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Open the one writing transaction; it commits when the block ends without an exception.

        With `durable` the commit waits for the disk. Leases and progress need not: they mean nothing after a power cut,
        and they cannot outlive a durable commit they depend on, since the log is written in order.
        """
        self._check_process()
        with self._writing, self._transaction("BEGIN IMMEDIATE", durable=durable) as connection:
            yield connection

    def close(self) -> None:
        """Close the idle connections. A connection in use is closed when its transaction ends."""
        self._check_process()
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _transaction(self, begin: str, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        connection = self._take()
        try:
            with _translated():
                if durable != connection.durable:
                    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                    connection.durable = durable
                connection.execute(begin)
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    # A full disk makes SQLite roll back by itself.
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                    raise
        finally:
            self._give_back(connection)

    def _connect(self) -> _Connection:
        connection: _Connection = sqlite3.connect(
            self.path,
            timeout=_BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
        )
        connection.row_factory = sqlite3.Row
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",  # what was deleted is not left readable in the file
            "journal_size_limit = 67108864",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _take(self) -> _Connection:
        self._check_process()
        with self._guard:
            if self._closed:
                raise sqlite3.ProgrammingError("The catalog is closed.")
            if self._idle:
                return self._idle.pop()
        with _translated():
            return self._connect()

    def _give_back(self, connection: _Connection) -> None:
        with self._guard:
            if not self._closed and not connection.in_transaction:
                self._idle.append(connection)
                return
        connection.close()

    def _check_process(self) -> None:
        if self._process != os.getpid():
            # Closing a connection that was opened before the fork would drop the parent's file locks: keep, never
            # touch.
            self._inherited += self._idle
            self._reset()

    def _reset(self) -> None:
        self._process = os.getpid()
        self._guard = threading.Lock()
        self._writing = threading.Lock()
        self._idle = []
        self._closed = False


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", None) in _REFUSED_WRITES:
            raise StorageFull(
                "The disk refused a write to the catalog: free some space. Nothing was changed."
            ) from error
        raise
