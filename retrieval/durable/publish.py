"""Publishing generations, and deleting old ones."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retrieval.durable.files import (
    TEMPORARY,
    lock_directory,
    locked,
    make_directory,
    storage_errors,
    sync_directory,
    write_file_atomic,
)
from retrieval.durable.manifest import MANIFEST, NAME, FileEntry, Manifest, checksum, describe
from retrieval.durable.pointer import CURRENT, point_to, published_names, read_history, write_history
from retrieval.errors import Conflict, InvalidInput

_TRASH = ".trash-"
_STALE_S = 3600.0  # nobody takes that long to write a single file


def publish_directory(
    parent: Path,
    name: str,
    fill: Callable[[Path], object],
    *,
    parents: tuple[str, ...] = (),
    metadata: Mapping[str, Any] | None = None,
) -> Manifest:
    """Publish a directory under `parent/name`, whole or not at all. Nothing points to it yet: see `swap_pointer`.

    A directory of that name which `CURRENT` does not mention is the leftover of a crash and gives way.

    Args:
        parent: Where generations live; made when absent.
        name: Letters, digits, ".", "_" and "-"; starts with a letter or a digit.
        fill: Writes the content into the empty directory it is given. It must notice its own short writes.
        parents: Names of the generations this one was made from.
        metadata: Anything JSON can hold.

    Returns:
        The manifest.

    Raises:
        Conflict: When the name is published already.
        StorageFull: When the disk is full.
    """
    with _filled(parent, fill) as (temporary, files), locked(parent):
        return _move_into_place(
            parent, name, temporary, Manifest(name, time.time(), files, parents, dict(metadata or {}))
        )


def publish_generation(
    parent: Path,
    fill: Callable[[Path], object],
    *,
    parents: tuple[str, ...] = (),
    metadata: Mapping[str, Any] | None = None,
    prefix: str = "gen-",
) -> Manifest:
    """Publish the next numbered generation ("gen-000007") and point `CURRENT` to it.

    Arguments as for `publish_directory`.
    """
    with _filled(parent, fill) as (temporary, files), locked(parent):
        name = _next_name(parent, prefix)
        manifest = _move_into_place(
            parent, name, temporary, Manifest(name, time.time(), files, parents, dict(metadata or {}))
        )
        point_to(parent, name)
        return manifest


def prune(parent: Path, keep: int) -> list[str]:
    """Delete old generations; readers that have them open or mapped keep what they have.

    Args:
        parent: Where generations live.
        keep: How many to keep, the current one and its newest predecessors; at least 1.

    Returns:
        The names deleted.
    """
    with locked(parent):
        names, intact = read_history(parent)
        if not names or not intact:
            return []
        kept = [name for name in names if (parent / name).is_dir()][: max(keep, 1)]
        published = published_names(parent)
        # What is newer than the current one may be about to be pointed to.
        newer = published[: published.index(names[0])] if names[0] in published else []
        doomed = [n for n in published if n not in kept and n not in newer]
        if doomed:
            write_history(parent, [n for n in names if n not in doomed])
        for name in doomed:
            _discard(parent / name)
        return doomed


def discard_directory(parent: Path, name: str) -> bool:
    """Delete a published directory so that no half of it is ever seen; readers that have it open keep what they have.

    Args:
        parent: Where generations live.
        name: A published directory there.

    Returns:
        Whether it was there.

    Raises:
        Conflict: When `CURRENT` mentions it.
    """
    with locked(parent):
        if name in read_history(parent)[0]:
            raise Conflict(f"{name} is one that {CURRENT} in {parent} falls back to.")
        if not NAME.fullmatch(name) or not (parent / name).is_dir():
            return False
        _discard(parent / name)
        sync_directory(parent)
        return True


@contextmanager
def _filled(parent: Path, fill: Callable[[Path], object]) -> Iterator[tuple[Path, dict[str, FileEntry]]]:
    """Give a synced temporary directory, filled and described; remove it when it was not moved away."""
    make_directory(parent)
    temporary = parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    with locked(parent), storage_errors():
        _remove_leftovers(parent)
        temporary.mkdir()
        alive = lock_directory(temporary)
    try:
        with storage_errors():
            fill(temporary)
            files = {path.relative_to(temporary).as_posix(): describe(path, sync=True) for path in _files(temporary)}
        if MANIFEST in files:
            raise InvalidInput(f"A published directory gets its own {MANIFEST}; name yours otherwise.")
        yield temporary, files
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(alive)


def _move_into_place(parent: Path, name: str, temporary: Path, manifest: Manifest) -> Manifest:
    if not NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} cannot name a published directory.")
    target = parent / name
    record = {
        "format": manifest.format,
        "name": name,
        "created": manifest.created,
        "parents": list(manifest.parents),
        "metadata": manifest.metadata,
        "files": {path: [entry.size_bytes, entry.sha256] for path, entry in sorted(manifest.files.items())},
    }
    record = json.loads(json.dumps(record))  # what a reader will hash: tuples are lists, keys are text
    write_file_atomic(temporary / MANIFEST, json.dumps({**record, "checksum": checksum(record)}, indent=1).encode())
    with storage_errors():
        for directory in (temporary, *(p for p in temporary.rglob("*") if p.is_dir())):
            sync_directory(directory)
        if target.exists():
            if name in read_history(parent)[0]:
                raise Conflict(f"{name} is published in {parent} already.")
            _discard(target)
        temporary.rename(target)
        sync_directory(parent)
    return manifest


def _next_name(parent: Path, prefix: str) -> str:
    names = [*read_history(parent)[0], *(path.name for path in parent.iterdir())]
    numbers = [
        int(n.removeprefix(prefix)) for n in names if n.startswith(prefix) and n.removeprefix(prefix).isdecimal()
    ]
    return f"{prefix}{max(numbers, default=0) + 1:06d}"


def _remove_leftovers(parent: Path) -> None:
    for path in parent.iterdir():
        if path.name.startswith((TEMPORARY, _TRASH)):
            if path.is_dir():
                try:
                    os.close(lock_directory(path))
                except OSError:
                    continue  # somebody is still filling it
                shutil.rmtree(path, ignore_errors=True)
            elif path.name.startswith(TEMPORARY + CURRENT) or path.stat().st_mtime < time.time() - _STALE_S:
                path.unlink(missing_ok=True)  # CURRENT is only written by who holds the lock, as we do now


def _discard(directory: Path) -> None:
    """Delete a directory so that no half of it is ever seen under its name."""
    trash = directory.with_name(f"{_TRASH}{secrets.token_hex(8)}")
    directory.rename(trash)
    shutil.rmtree(trash, ignore_errors=True)


def _files(directory: Path) -> Iterable[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())
