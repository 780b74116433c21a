"""Copies a home folder that is in use.

Databases are copied by SQLite itself. Files are looked through twice: what a database names was there before it was
copied, or comes with the second look. A published directory (one with a manifest) is copied whole or, when it is
deleted meanwhile, not at all.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from retrieval.durable import verify_directory
from retrieval.durable.manifest import MANIFEST
from retrieval.errors import IndexCorrupt
from service.access.sessions import SESSIONS_FILE

# Made again from the rest, or of one running process.
LEFT_OUT = frozenset({"cache", "indexes", "journal", "logs", "redis", "run"})
_DATABASES = (".db", ".db-wal", ".db-shm", ".db-journal")
_PASSING = (".tmp-", ".trash-")


def copy_home(home: Path, target: Path) -> None:
    """Copy a home folder.

    Args:
        home: The folder; processes may be using it.
        target: An empty folder.

    Raises:
        IndexCorrupt: A published directory of the home is damaged; the message names it.
    """
    _copy_files(home, target)
    for path in sorted(home.glob("*.db")):
        if path.name != SESSIONS_FILE:  # a session that was ended must not come back
            copy_database(path, target / path.name)
    _copy_files(home, target)
    for directory in sorted(path.parent for path in target.rglob(MANIFEST)):
        _settle(home / directory.relative_to(target), directory)


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database as it is at one moment, while others write to it."""
    with (
        contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as database,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        database.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, whole by itself
    target.chmod(source.stat().st_mode & 0o777)


def _copy_files(home: Path, target: Path) -> None:
    for path in _files(home):
        copy = target / path.relative_to(home)
        with contextlib.suppress(FileNotFoundError):  # deleted between the look and the copy
            told = path.stat()
            if copy.exists() and (copy.stat().st_mtime_ns, copy.stat().st_size) == (told.st_mtime_ns, told.st_size):
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)


def _files(home: Path) -> Iterator[Path]:
    for path in sorted(home.iterdir()):
        if path.name in LEFT_OUT or path.name.endswith(_DATABASES) or path.name.startswith(_PASSING):
            continue
        if path.is_file():
            yield path
        elif path.is_dir():
            for inside in path.rglob("*"):
                parts = inside.relative_to(home).parts
                if inside.is_file() and not any(part.startswith(_PASSING) for part in parts):
                    yield inside


def _settle(source: Path, copy: Path) -> None:
    """Keep a published directory if it is whole; one that was deleted while it was copied goes."""
    try:
        verify_directory(copy)
    except IndexCorrupt:
        if source.is_dir():
            shutil.rmtree(copy)
            shutil.copytree(source, copy)
            verify_directory(copy)
        else:
            shutil.rmtree(copy)
