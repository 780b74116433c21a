"""What a generation says about itself, and whether it is true."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retrieval.errors import IndexCorrupt

FORMAT = 1
MANIFEST = "manifest.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


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
        if record.pop("checksum") != checksum(record):
            raise IndexCorrupt(f"{directory.name}/{MANIFEST} does not match its checksum")
        if record["format"] > FORMAT:
            raise IndexCorrupt(f"{directory.name} has format {record['format']}; this program knows {FORMAT}")
        record["files"] = {path: FileEntry(*entry) for path, entry in record["files"].items()}
        record["parents"] = tuple(record["parents"])
        return Manifest(**record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexCorrupt(f"{directory.name}/{MANIFEST} is missing or damaged ({type(error).__name__})") from error


def verify_directory(directory: Path, *, hashes: bool = True, named: bool = True) -> Manifest:
    """Compare a published directory with its manifest.

    Args:
        directory: A published directory.
        hashes: Whether to read and hash every file; otherwise only sizes are compared.
        named: Whether it must still have the name that it was published under.

    Returns:
        The manifest.

    Raises:
        IndexCorrupt: When something is missing or differs; the message names it.
    """
    manifest = read_manifest(directory)
    if named and manifest.name != directory.name:
        raise IndexCorrupt(f"{directory.name} holds the manifest of {manifest.name}")
    for relative, entry in manifest.files.items():
        path = directory / relative
        try:
            if path.stat().st_size != entry.size_bytes:
                raise IndexCorrupt(
                    f"{directory.name}/{relative} has {path.stat().st_size} bytes, not {entry.size_bytes}"
                )
            if hashes and describe(path) != entry:
                raise IndexCorrupt(f"{directory.name}/{relative} does not match its SHA-256")
        except OSError as error:
            raise IndexCorrupt(f"{directory.name}/{relative} cannot be read: {error.strerror}") from error
    return manifest


def describe(path: Path, *, sync: bool = False) -> FileEntry:
    """Measure and hash a file, after making it durable when `sync` says so."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size_bytes = stream.tell()
        if sync:
            os.fsync(stream.fileno())
    return FileEntry(size_bytes, digest)


def checksum(record: Mapping[str, Any]) -> str:
    """Hash a manifest's own record, without its checksum."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
