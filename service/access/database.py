"""Small SQLite files that hold who may do what: few writes, each on disk when it is done."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from retrieval.durable import make_directory


def open_reader(path: Path) -> sqlite3.Connection:
    """Open a database for reading, making its file, for the owner alone, if need be."""
    make_directory(path.parent)
    if not path.exists():
        path.touch(mode=0o600)
    return sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection for one transaction: all of it is on disk when the block ends, or nothing if it raises."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=10.0)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    finally:
        connection.close()
