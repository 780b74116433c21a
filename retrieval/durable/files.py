"""Single files and directories, made durable; and the locks that tell the living from the killed."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retrieval.errors import StorageFull

TEMPORARY = ".tmp-"
# EFBIG is what a file size limit looks like.
_REFUSED_WRITES = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn the ways in which a disk refuses a write into `StorageFull`."""
    try:
        yield
    except OSError as error:
        if error.errno in _REFUSED_WRITES:
            where = f" ({error.filename})" if error.filename else ""
            raise StorageFull(
                f"The disk refused a write{where}: {error.strerror}. Free some space; nothing was published."
            ) from error
        raise


def make_directory(path: Path) -> None:
    """Make a directory and its parents, each durably and for its owner alone; what is there keeps its mode."""
    with storage_errors():
        missing = [p for p in (path, *path.parents) if not p.exists()]
        for directory in reversed(missing):
            directory.mkdir(0o700, exist_ok=True)
            sync_directory(directory.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_file_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file's content; readers see the old or the new, and the new is on disk when this returns.

    Args:
        path: The file; its directory exists.
        data: All of its content.
        mode: Its permissions.

    Raises:
        StorageFull: When the disk is full; the old content stands.
    """
    temporary = path.with_name(f"{TEMPORARY}{path.name}-{secrets.token_hex(6)}")
    try:
        with storage_errors():
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
            sync_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock among processes and threads; waits for it. The file stays, a killed holder lets go.

    Args:
        path: The lock file, made when absent; its directory exists.

    Yields:
        None: While the lock is held.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def lock_directory(directory: Path) -> int:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def locked(parent: Path) -> Iterator[None]:
    """Hold the parent directory's own lock; a killed process lets go of it."""
    descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
