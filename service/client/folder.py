"""Which files of a folder to ingest, under which names, and what has changed since the last time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from service.client.errors import Refused

BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to ingest."""

    path: Path
    source: str  # name within the collection: the path below the folder that was named, with its folder


def local_files(paths: Iterable[Path]) -> list[LocalFile]:
    """Walk files and folders, without hidden entries, in a stable order.

    Args:
        paths: Files and folders.

    Returns:
        The files, each with its name in the collection.

    Raises:
        Refused: If a path does not exist, or two files would have the same name in the collection.
    """
    found: dict[str, LocalFile] = {}
    for path in paths:
        if not path.exists():
            raise Refused(f"{path} does not exist")
        root = path.resolve()
        for file in [root] if root.is_file() else sorted(_walk(root)):
            source = file.relative_to(root.parent).as_posix()
            if source in found and found[source].path != file:
                raise Refused(
                    f"{found[source].path} and {file} would both be named {source}: ingest them into two collections"
                )
            found[source] = LocalFile(file, source)
    return list(found.values())


def sha256_of(path: Path) -> str:
    """Give the SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _walk(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry)
        elif entry.is_file():
            yield entry


def supported(path: Path) -> bool:
    """Tell whether the ending of a file's name is one that can be read."""
    from retrieval.parse.sniff import SUPPORTED_EXTENSIONS

    return path.suffix.lower() in SUPPORTED_EXTENSIONS
