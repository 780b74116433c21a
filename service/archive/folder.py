"""Where batches lie: a folder on this disk, or one in an object store. A batch is there when its manifest is.

`<root>/<month>/<batch>/` with Parquet files and `manifest.json` (size and SHA-256 of each). A batch's name is the time
of its making and a revision: `1763740800000-r00`. A batch is never changed; a rewritten one is the next revision, which
hides the one before.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from retrieval.durable import discard_directory, publish_directory, verify_directory

MANIFEST = "manifest.json"


class ArchiveDamaged(RuntimeError):
    """A batch is not what its manifest says; the message names it."""


@dataclass(frozen=True, slots=True, order=True)
class BatchName:
    """A batch: names order as batches were made."""

    made_ms: int
    revision: int
    month: str  # 2026-11

    @property
    def name(self) -> str:
        """The folder's name."""
        return f"{self.made_ms:013d}-r{self.revision:02d}"

    @property
    def path(self) -> str:
        """Its place under the root."""
        return f"{self.month}/{self.name}"

    def next(self) -> BatchName:
        """Name the revision after this one."""
        return replace(self, revision=self.revision + 1)


def batch_name(month: str, name: str) -> BatchName | None:
    """Read a name; None when it is none."""
    made, dash, revision = name.partition("-r")
    if not dash or not made.isdecimal() or not revision.isdecimal():
        return None
    return BatchName(int(made), int(revision), month)


class ArchiveFolder(Protocol):
    """Where batches lie."""

    def publish(self, batch: BatchName, fill: Callable[[Path], None]) -> None:
        """Make a batch, whole or not at all, and check that it can be read back. `ArchiveDamaged` when it cannot."""

    def batches(self) -> list[BatchName]:
        """Give the batches that are whole, oldest first, superseded revisions left out."""

    def open(self, batch: BatchName, file: str) -> BinaryIO:
        """Open a file of a batch; `FileNotFoundError` when it is gone."""

    def verify(self, batch: BatchName) -> None:
        """Compare a batch with its manifest; `ArchiveDamaged` says what differs."""

    def remove(self, batch: BatchName) -> None:
        """Delete a batch and the revisions before it."""


class LocalFolder:
    """On this disk."""

    def __init__(self, root: Path) -> None:
        """Name the root; made when something is published."""
        self.root = root

    def publish(self, batch: BatchName, fill: Callable[[Path], None]) -> None:
        """Make a batch and check it."""
        publish_directory(self.root / batch.month, batch.name, fill)
        self.verify(batch)

    def batches(self) -> list[BatchName]:
        """Give the batches."""
        found = [
            name
            for path in self.root.glob(f"*/*/{MANIFEST}")
            if (name := batch_name(path.parent.parent.name, path.parent.name)) is not None
        ]
        return _latest(found)

    def open(self, batch: BatchName, file: str) -> BinaryIO:
        """Open a file."""
        return (self.root / batch.path / file).open("rb")

    def verify(self, batch: BatchName) -> None:
        """Compare a batch with its manifest."""
        try:
            verify_directory(self.root / batch.path)
        except Exception as error:
            raise ArchiveDamaged(str(error)) from error

    def remove(self, batch: BatchName) -> None:
        """Delete a batch."""
        for revision in range(batch.revision, -1, -1):
            discard_directory(self.root / batch.month, replace(batch, revision=revision).name)


class RemoteFolder:
    """In an object store, by its fsspec address such as `s3://bucket/folder`."""

    def __init__(self, url: str) -> None:
        """Open the file system.

        Args:
            url: The address; credentials come from where that file system looks for them.

        Raises:
            ValueError: When nothing that is installed knows such addresses; the message says what to install.
        """
        import fsspec

        try:
            fs, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ValueError(f"the archive's address cannot be used: {error}") from error
        self._fs: Any = fs
        self._root = str(root).rstrip("/")

    def publish(self, batch: BatchName, fill: Callable[[Path], None]) -> None:
        """Make a batch: the manifest goes last, and until then nobody sees the rest."""
        with tempfile.TemporaryDirectory() as folder:
            fill(Path(folder))
            files: dict[str, list[Any]] = {}
            self._fs.makedirs(self._at(batch), exist_ok=True)
            for path in sorted(Path(folder).iterdir()):
                data = path.read_bytes()
                files[path.name] = [len(data), hashlib.sha256(data).hexdigest()]
                self._fs.pipe_file(self._at(batch, path.name), data)
        self._check(batch, files)
        manifest = {"format": 1, "name": batch.name, "files": files}
        self._fs.pipe_file(self._at(batch, MANIFEST), json.dumps(manifest, indent=1).encode())

    def batches(self) -> list[BatchName]:
        """Give the batches."""
        self._fs.invalidate_cache()
        found = []
        for path in self._fs.glob(f"{self._root}/*/*/{MANIFEST}"):
            month, name = str(path).split("/")[-3:-1]
            if (batch := batch_name(month, name)) is not None:
                found.append(batch)
        return _latest(found)

    def open(self, batch: BatchName, file: str) -> BinaryIO:
        """Open a file; parts of it are fetched as they are read."""
        stream: BinaryIO = self._fs.open(self._at(batch, file), "rb")
        return stream

    def verify(self, batch: BatchName) -> None:
        """Compare a batch with its manifest."""
        try:
            manifest = json.loads(self._fs.cat_file(self._at(batch, MANIFEST)))
            self._check(batch, manifest["files"])
        except (OSError, ValueError, KeyError) as error:
            raise ArchiveDamaged(f"{batch.path}: {type(error).__name__}") from error

    def remove(self, batch: BatchName) -> None:
        """Delete a batch, the manifest first."""
        for revision in range(batch.revision, -1, -1):
            one = replace(batch, revision=revision)
            if self._fs.exists(self._at(one, MANIFEST)):
                self._fs.rm_file(self._at(one, MANIFEST))
            if self._fs.exists(self._at(one)):
                self._fs.rm(self._at(one), recursive=True)

    def _check(self, batch: BatchName, files: dict[str, list[Any]]) -> None:
        for name, (size, digest) in files.items():
            data = self._fs.cat_file(self._at(batch, name))
            if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
                raise ArchiveDamaged(f"{batch.path}/{name} is not what was written")

    def _at(self, batch: BatchName, file: str = "") -> str:
        return f"{self._root}/{batch.path}/{file}".rstrip("/")


def _latest(found: Sequence[BatchName]) -> list[BatchName]:
    """Leave out what a later revision took the place of; a crash may have left it."""
    latest = {(batch.month, batch.made_ms): batch for batch in sorted(found)}
    return sorted(latest.values())
