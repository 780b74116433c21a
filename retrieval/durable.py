"""The only writer of files: what it wrote is whole or absent, whatever the moment of the crash, and describes itself.

A *generation* is an immutable directory with a `manifest.json` that names every file with its size and SHA-256. It is filled under a
temporary name, synced, and renamed into place; `CURRENT` then names it, by an atomic replace. `CURRENT` also names its predecessors, newest
first: when a generation turns out to be damaged, readers fall back to the newest one that served before and still verifies. A complete
generation that was never pointed to never serves.

What a killed process left behind (temporary and half-deleted directories) is removed by the next publish; live ones hold a lock on
their own directory. Pure standard library; safe among threads and processes of one machine.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retrieval.errors import Conflict, IndexCorrupt, InvalidInput, StorageFull

FORMAT = 1
MANIFEST = "manifest.json"
CURRENT = "CURRENT"
_TEMPORARY = ".tmp-"
_TRASH = ".trash-"
_HISTORY = 16  # predecessors that CURRENT remembers
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# EFBIG is what a file size limit looks like.
_REFUSED_WRITES = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of a generation."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation holds and where it comes from."""

    name: str
    created: float  # seconds since 1970
    files: Mapping[str, FileEntry]  # by path relative to the generation, with "/"
    parents: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Published:
    """A generation that may be read. `is_fallback` means that newer ones were damaged."""

    path: Path
    manifest: Manifest
    is_fallback: bool = False


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn the ways in which a disk refuses a write into `StorageFull`."""
    try:
        yield
    except OSError as error:
        if error.errno in _REFUSED_WRITES:
            where = f" ({error.filename})" if error.filename else ""
            raise StorageFull(f"The disk refused a write{where}: {error.strerror}. Free some space; nothing was published.") from error
        raise


def make_directory(path: Path) -> None:
    """Make a directory and its parents, each durably."""
    with storage_errors():
        missing = [p for p in (path, *path.parents) if not p.exists()]
        for directory in reversed(missing):
            directory.mkdir(exist_ok=True)
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
    temporary = path.with_name(f"{_TEMPORARY}{path.name}-{secrets.token_hex(6)}")
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


def publish_directory(
    parent: Path,
    name: str,
    fill: Callable[[Path], None],
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
    with _filled(parent, fill) as (temporary, files), _locked(parent):
        return _move_into_place(parent, name, temporary, Manifest(name, time.time(), files, parents, dict(metadata or {})))


def publish_generation(
    parent: Path,
    fill: Callable[[Path], None],
    *,
    parents: tuple[str, ...] = (),
    metadata: Mapping[str, Any] | None = None,
    prefix: str = "gen-",
) -> Manifest:
    """Publish the next numbered generation ("gen-000007") and point `CURRENT` to it. Arguments as for `publish_directory`."""
    with _filled(parent, fill) as (temporary, files), _locked(parent):
        name = _next_name(parent, prefix)
        manifest = _move_into_place(parent, name, temporary, Manifest(name, time.time(), files, parents, dict(metadata or {})))
        _swap(parent, name)
        return manifest


def swap_pointer(parent: Path, name: str) -> None:
    """Point `CURRENT` to a published directory, durably and atomically; its former target becomes the first fallback.

    Args:
        parent: Where generations live.
        name: A published directory there.

    Raises:
        InvalidInput: When nothing whole is published under that name.
        StorageFull: When the disk is full; the pointer stands as it was.
    """
    with _locked(parent):
        _swap(parent, name)


def read_pointer(parent: Path) -> str | None:
    """Give the name `CURRENT` points to, or None when nothing was ever published (or the pointer is unreadable)."""
    names, _ = _read_history(parent)
    return names[0] if names else None


def open_current(parent: Path, *, verify: bool = True) -> Published | None:
    """Find the generation to read: the current one, or when that is damaged the newest predecessor that verifies.

    Args:
        parent: Where generations live.
        verify: Whether to hash every file; otherwise only names and sizes are compared.

    Returns:
        The generation, or None when nothing was ever published.

    Raises:
        IndexCorrupt: When something was published and nothing of it verifies.
    """
    names, intact = _read_history(parent)
    if not names and intact:
        return None
    problems = [] if intact else ["CURRENT is damaged"]
    candidates = names if intact else [*names, *(n for n in _published_names(parent) if n not in names)]
    for name in candidates:
        try:
            manifest = verify_directory(parent / name, hashes=verify)
        except IndexCorrupt as error:
            problems.append(str(error))
        else:
            return Published(parent / name, manifest, is_fallback=bool(problems))
    raise IndexCorrupt(f"Nothing readable is published in {parent}: " + "; ".join(problems))


def read_manifest(directory: Path) -> Manifest:
    """Read and check a manifest by itself, not the files it names.

    Args:
        directory: A published directory.

    Returns:
        The manifest.

    Raises:
        IndexCorrupt: When it is missing, damaged or of a newer format.
    """
    try:
        record = json.loads((directory / MANIFEST).read_bytes())
        checksum = record.pop("checksum")
        if checksum != _checksum(record):
            raise IndexCorrupt(f"{directory.name}/{MANIFEST} does not match its checksum")
        if record["format"] > FORMAT:
            raise IndexCorrupt(f"{directory.name} has format {record['format']}; this program knows {FORMAT}")
        record["files"] = {path: FileEntry(*entry) for path, entry in record["files"].items()}
        record["parents"] = tuple(record["parents"])
        return Manifest(**record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexCorrupt(f"{directory.name}/{MANIFEST} is missing or damaged ({type(error).__name__})") from error


def verify_directory(directory: Path, *, hashes: bool = True) -> Manifest:
    """Compare a published directory with its manifest.

    Args:
        directory: A published directory.
        hashes: Whether to read and hash every file; otherwise only sizes are compared.

    Returns:
        The manifest.

    Raises:
        IndexCorrupt: When something is missing or differs; the message names it.
    """
    manifest = read_manifest(directory)
    if manifest.name != directory.name:
        raise IndexCorrupt(f"{directory.name} holds the manifest of {manifest.name}")
    for relative, entry in manifest.files.items():
        path = directory / relative
        try:
            if path.stat().st_size != entry.size_bytes:
                raise IndexCorrupt(f"{directory.name}/{relative} has {path.stat().st_size} bytes, not {entry.size_bytes}")
            if hashes and _describe(path) != entry:
                raise IndexCorrupt(f"{directory.name}/{relative} does not match its SHA-256")
        except OSError as error:
            raise IndexCorrupt(f"{directory.name}/{relative} cannot be read: {error.strerror}") from error
    return manifest


def prune(parent: Path, keep: int) -> list[str]:
    """Delete old generations; readers that have them open or mapped keep what they have.

    Args:
        parent: Where generations live.
        keep: How many to keep, the current one and its newest predecessors; at least 1.

    Returns:
        The names deleted.
    """
    with _locked(parent):
        names, intact = _read_history(parent)
        if not names or not intact:
            return []
        # What is newer than the current one may be about to be pointed to.
        kept = {n for n in names if (parent / n).is_dir()}
        kept = set([n for n in names if n in kept][: max(keep, 1)])
        published = _published_names(parent)
        newer = published[: published.index(names[0])] if names[0] in published else []
        doomed = [n for n in published if n not in kept and n not in newer]
        if doomed:
            _write_history(parent, [n for n in names if n not in doomed])
        for name in doomed:
            _discard(parent / name)
        return doomed


@contextmanager
def _filled(parent: Path, fill: Callable[[Path], None]) -> Iterator[tuple[Path, dict[str, FileEntry]]]:
    """Give a synced temporary directory, filled and described; remove it when it was not moved away."""
    make_directory(parent)
    temporary = parent / f"{_TEMPORARY}{secrets.token_hex(8)}"
    with _locked(parent), storage_errors():
        _remove_leftovers(parent)
        temporary.mkdir()
        alive = _lock(temporary)
    try:
        with storage_errors():
            fill(temporary)
            files = {path.relative_to(temporary).as_posix(): _describe(path, sync=True) for path in _files(temporary)}
        if MANIFEST in files:
            raise InvalidInput(f"A published directory gets its own {MANIFEST}; name yours otherwise.")
        yield temporary, files
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(alive)


def _move_into_place(parent: Path, name: str, temporary: Path, manifest: Manifest) -> Manifest:
    if not _NAME.fullmatch(name):
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
    text = json.dumps({**record, "checksum": _checksum(record)}, indent=1).encode()
    write_file_atomic(temporary / MANIFEST, text)
    with storage_errors():
        for directory in (temporary, *(p for p in temporary.rglob("*") if p.is_dir())):
            sync_directory(directory)
        if target.exists():
            if name in _read_history(parent)[0]:
                raise Conflict(f"{name} is published in {parent} already.")
            _discard(target)
        temporary.rename(target)
        sync_directory(parent)
    return manifest


def _swap(parent: Path, name: str) -> None:
    try:
        verify_directory(parent / name, hashes=False)
    except IndexCorrupt as error:
        raise InvalidInput(f"{name} is not published in {parent}: {error}") from error
    names, _ = _read_history(parent)
    _write_history(parent, [name, *(n for n in names if n != name)][: _HISTORY + 1])


def _write_history(parent: Path, names: list[str]) -> None:
    body = "".join(f"{name}\n" for name in names)
    write_file_atomic(parent / CURRENT, f"{body}sha256 {hashlib.sha256(body.encode()).hexdigest()}\n".encode())


def _read_history(parent: Path) -> tuple[list[str], bool]:
    """Give the names in `CURRENT`, and whether its checksum holds (a missing file is intact and empty)."""
    try:
        text = (parent / CURRENT).read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return [], True
    *names, checksum = text.splitlines() or [""]
    body = "".join(f"{name}\n" for name in names)
    intact = bool(names) and text == f"{body}sha256 {hashlib.sha256(body.encode()).hexdigest()}\n"
    return [name for name in names if _NAME.fullmatch(name)], intact


def _published_names(parent: Path) -> list[str]:
    """Give the directories with a readable manifest, newest first."""
    found: list[tuple[float, str]] = []
    for path in parent.iterdir():
        if path.is_dir() and _NAME.fullmatch(path.name):
            try:
                created = read_manifest(path).created
            except IndexCorrupt:
                created = 0.0
            found.append((created, path.name))
    return [name for _, name in sorted(found, reverse=True)]


def _next_name(parent: Path, prefix: str) -> str:
    names = [*_read_history(parent)[0], *(path.name for path in parent.iterdir())]
    numbers = [int(n.removeprefix(prefix)) for n in names if n.startswith(prefix) and n.removeprefix(prefix).isdecimal()]
    return f"{prefix}{max(numbers, default=0) + 1:06d}"


def _remove_leftovers(parent: Path) -> None:
    for path in parent.iterdir():
        if path.name.startswith((_TEMPORARY, _TRASH)):
            if path.is_dir():
                try:
                    os.close(_lock(path))
                except OSError:
                    continue  # somebody is still filling it
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _discard(directory: Path) -> None:
    """Delete a directory so that no half of it is ever seen under its name."""
    trash = directory.with_name(f"{_TRASH}{secrets.token_hex(8)}")
    directory.rename(trash)
    shutil.rmtree(trash, ignore_errors=True)


def _files(directory: Path) -> Iterable[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _describe(path: Path, *, sync: bool = False) -> FileEntry:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size_bytes = stream.tell()
        if sync:
            os.fsync(stream.fileno())
    return FileEntry(size_bytes, digest)


def _checksum(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _lock(directory: Path) -> int:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def _locked(parent: Path) -> Iterator[None]:
    """Hold the parent directory's own lock; a killed process lets go of it."""
    descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
