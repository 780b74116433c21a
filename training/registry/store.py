"""Versions on disk: published whole, read back checked, numbered so that no number is ever used twice.

versions/v000012-extractive/     manifest.json with the SHA-256 of every file, card.json, card.md, adapter/...
marks/v000012-extractive.json    notes beside a version
retired/v000003-extractive.json  cards of versions that were pruned
LAST                             the highest number ever given out

A folder `NAME+SCOPE` takes its numbers from the folder `NAME` beside it: no two versions of an installation share one
name, whatever they were made for.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath

from retrieval.durable import (
    discard_directory,
    file_lock,
    make_directory,
    publish_directory,
    verify_directory,
    write_file_atomic,
)
from retrieval.durable.manifest import MANIFEST
from retrieval.errors import IndexCorrupt
from training.registry.card import ModelCard, check_card
from training.registry.errors import BadCard, NoSuchVersion, VersionDamaged
from training.registry.versions import CARD, CARD_TEXT, Mark, Version, is_name, name_of, number_of

Content = bytes | Path  # of a file; a folder is copied with all it holds
_LAST = "LAST"
_NUMBERS_LOCK = ".numbers"
_OWN = (CARD, CARD_TEXT, MANIFEST)


class Store:
    """The folder of versions. Who writes holds the registry's lock."""

    def __init__(self, root: Path) -> None:
        """Use a folder; made when something is first written."""
        self.root = root
        self.versions = root / "versions"
        self.numbers = root.parent / root.name.partition("+")[0]

    def take_number(self) -> int:
        """Give the next number and remember it before anybody uses it. The caller holds the registry's lock."""
        make_directory(self.numbers)
        path = self.numbers / _LAST
        with file_lock(self.numbers / _NUMBERS_LOCK):
            try:
                last = int(path.read_text())
            except (FileNotFoundError, ValueError):
                last = 0  # the names below still tell
            name = self.numbers.name
            family = [one for one in _inside(self.numbers.parent) if one.name.partition("+")[0] == name]
            seen = [
                number_of(path.stem)
                for folder in family
                for where in ("versions", "retired", "marks")
                for path in _inside(folder / where)
            ]
            number = max([last, *seen]) + 1
            write_file_atomic(path, f"{number}\n".encode())
        return number

    def publish(self, number: int, files: Mapping[str, Content], card: ModelCard, now: float) -> str:
        """Publish a version whole or not at all, and give its name.

        Args:
            number: From `take_number`.
            files: Content by path inside the version.
            card: What it is.
            now: Seconds since the epoch.

        Returns:
            Its name.

        Raises:
            BadCard: The card may not be published, or a path leaves the version or takes a name of the registry's own.
            StorageFull: The disk is full; nothing was published.
        """
        check_files(files)
        name = name_of(number, card.kind)
        card = replace(card, name=name, created_at=now)
        content = check_card(card)

        def fill(directory: Path) -> None:
            for relative, source in {**files, CARD: content, CARD_TEXT: card.markdown().encode()}.items():
                target = directory / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(source, bytes):
                    target.write_bytes(source)
                elif source.is_dir():
                    shutil.copytree(source, target)
                else:
                    shutil.copyfile(source, target)

        about = {"kind": card.kind, "base": card.base, "data": dict(card.data_hashes)}
        publish_directory(self.versions, name, fill, parents=card.parents, metadata=about)
        return name

    def read(self, name: str, *, hashes: bool) -> Version:
        """Read a version.

        Args:
            name: Of a published version.
            hashes: Whether to check every file against its SHA-256; else the manifest, the sizes and the card.

        Returns:
            The version.

        Raises:
            NoSuchVersion: Nothing of that name is published.
            VersionDamaged: Something is missing or differs.
        """
        path = self.versions / name
        if not is_name(name) or not path.is_dir():
            gone = " any more: it was pruned, its card is kept" if self.retired(name) else ""
            raise NoSuchVersion(f"there is no version {name}{gone}")
        try:
            manifest = verify_directory(path, hashes=hashes)
            content = (path / CARD).read_bytes()
            if (described := manifest.files.get(CARD)) is None or described.sha256 != _sha256(content):
                raise VersionDamaged(f"{name}/{CARD} does not match its SHA-256")
            card = ModelCard.from_dict(json.loads(content))
        except (IndexCorrupt, BadCard, OSError, ValueError) as error:
            raise VersionDamaged(f"version {name} is damaged: {error}") from error
        hashed = {relative: entry.sha256 for relative, entry in manifest.files.items()}
        return Version(name, card, path, hashed, manifest.created, self.marks(name))

    def names(self) -> list[str]:
        """Give the names of all versions, the newest first."""
        found = [path.name for path in _inside(self.versions) if path.is_dir() and is_name(path.name)]
        return sorted(found, key=number_of, reverse=True)

    def retired(self, name: str) -> ModelCard | None:
        """Give the card of a version that was pruned; None where there is none."""
        try:
            return ModelCard.from_dict(json.loads((self.root / "retired" / f"{name}.json").read_bytes()))
        except (OSError, ValueError, BadCard):
            return None

    def retire(self, name: str) -> None:
        """Delete a version and keep its card. The caller holds the registry's lock."""
        make_directory(self.root / "retired")
        try:
            content = check_card(self.read(name, hashes=False).card)
            write_file_atomic(self.root / "retired" / f"{name}.json", content)
        except VersionDamaged:
            pass  # nothing is left to keep
        discard_directory(self.versions, name)

    def marks(self, name: str) -> tuple[Mark, ...]:
        """Give the notes beside a version; a damaged file of notes is a note of that."""
        try:
            stored = json.loads((self.root / "marks" / f"{name}.json").read_bytes())
            return tuple(Mark(**{**mark, "data": tuple(mark["data"])}) for mark in stored)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, KeyError, TypeError):
            return (Mark(0.0, "its notes are damaged and cannot be read"),)

    def add_mark(self, name: str, mark: Mark) -> None:
        """Add a note beside a version. The caller holds the registry's lock."""
        make_directory(self.root / "marks")
        content = json.dumps([asdict(one) for one in (*self.marks(name), mark)], indent=1)
        write_file_atomic(self.root / "marks" / f"{name}.json", content.encode())


def check_files(files: Mapping[str, Content]) -> None:
    """Refuse paths that would leave a version or hide something of the registry's own.

    Args:
        files: Content by path.

    Raises:
        BadCard: A path is absolute, has "..", or is the card's or the manifest's.
    """
    for relative in files:
        path = PurePosixPath(relative)
        if path.is_absolute() or ".." in path.parts or not path.parts or path.parts[0] in _OWN:
            raise BadCard(
                f"{relative!r} cannot be a file of a version: relative, without '..', and not the card's name"
            )


def _inside(directory: Path) -> Iterator[Path]:
    return directory.iterdir() if directory.is_dir() else iter(())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
