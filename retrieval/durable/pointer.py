"""`CURRENT`: which generation serves, which served before, and what to read when the newest is damaged."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from retrieval.durable.files import locked, write_file_atomic
from retrieval.durable.manifest import NAME, Manifest, read_manifest, verify_directory
from retrieval.errors import IndexCorrupt, InvalidInput

CURRENT = "CURRENT"
_HISTORY = 16  # predecessors that CURRENT remembers


@dataclass(frozen=True, slots=True)
class Published:
    """A generation that may be read. `is_fallback` means that newer ones were damaged."""

    path: Path
    manifest: Manifest
    is_fallback: bool = False


def swap_pointer(parent: Path, name: str) -> None:
    """Point `CURRENT` to a published directory, durably and atomically; its former target becomes the first fallback.

    Args:
        parent: Where generations live.
        name: A published directory there.

    Raises:
        InvalidInput: When nothing whole is published under that name.
        StorageFull: When the disk is full; the pointer stands as it was.
    """
    with locked(parent):
        point_to(parent, name)


def read_pointer(parent: Path) -> str | None:
    """Give the name `CURRENT` points to, or None when nothing was ever published (or the pointer is unreadable)."""
    names, _ = read_history(parent)
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
    names, intact = read_history(parent)
    if not names and intact:
        return None
    problems = [] if intact else ["CURRENT is damaged"]
    candidates = names if intact else [*names, *(n for n in published_names(parent) if n not in names)]
    for name in candidates:
        try:
            manifest = verify_directory(parent / name, hashes=verify)
        except IndexCorrupt as error:
            problems.append(str(error))
        else:
            return Published(parent / name, manifest, is_fallback=bool(problems))
    raise IndexCorrupt(f"Nothing readable is published in {parent}: " + "; ".join(problems))


def point_to(parent: Path, name: str) -> None:
    """Do what `swap_pointer` does, for a caller that holds the parent's lock."""
    try:
        verify_directory(parent / name, hashes=False)
    except IndexCorrupt as error:
        raise InvalidInput(f"{name} is not published in {parent}: {error}") from error
    names, _ = read_history(parent)
    write_history(parent, [name, *(n for n in names if n != name)][: _HISTORY + 1])


def write_history(parent: Path, names: list[str]) -> None:
    """Write `CURRENT`: names, the one that serves first, then a checksum. The caller holds the parent's lock."""
    body = "".join(f"{name}\n" for name in names)
    write_file_atomic(parent / CURRENT, f"{body}sha256 {hashlib.sha256(body.encode()).hexdigest()}\n".encode())


def read_history(parent: Path) -> tuple[list[str], bool]:
    """Give the names in `CURRENT`, and whether its checksum holds (a missing file is intact and empty)."""
    try:
        text = (parent / CURRENT).read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return [], True
    *names, _ = text.splitlines() or [""]
    body = "".join(f"{name}\n" for name in names)
    intact = bool(names) and text == f"{body}sha256 {hashlib.sha256(body.encode()).hexdigest()}\n"
    return [name for name in names if NAME.fullmatch(name)], intact


def published_names(parent: Path) -> list[str]:
    """Give the directories with a readable manifest, newest first."""
    found: list[tuple[float, str]] = []
    for path in parent.iterdir():
        if path.is_dir() and NAME.fullmatch(path.name):
            try:
                created = read_manifest(path).created
            except IndexCorrupt:
                created = 0.0
            found.append((created, path.name))
    return [name for _, name in sorted(found, reverse=True)]
