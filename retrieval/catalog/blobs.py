"""The bytes of uploaded files: `blobs/ab/abcdef...`, named by their SHA-256 and by nothing a client said.

An upload streams into `blobs/staging/`, is made durable, and moves into place by a rename; only then does a row
mention it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from retrieval.durable import make_directory, storage_errors, sync_directory

_STAGING = "staging"
_STALE_S = 24 * 3600.0  # an upload that has not been written to for a day is not coming back
_READ_BYTES = 1 << 20


class BlobStore:
    """A folder of content-addressed files. Safe from many threads and processes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        make_directory(root / _STAGING)

    def stage(self) -> Path:
        """Give a new path to write an upload to."""
        return self.root / _STAGING / secrets.token_hex(16)

    def path(self, sha256: str) -> Path:
        """Give where the bytes with this hash are kept."""
        return self.root / sha256[:2] / sha256

    def seal(self, staged: Path) -> tuple[str, int]:
        """Put a staged file on disk for good, still under its staged name.

        Args:
            staged: A complete file inside the staging folder.

        Returns:
            Its SHA-256 in hexadecimal, and its length in bytes.
        """
        with storage_errors(), staged.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256")
            os.fsync(stream.fileno())
            return digest.hexdigest(), stream.tell()

    def publish(self, staged: Path, sha256: str) -> None:
        """Move a sealed file under its hash, durably. Call it inside the catalog's write transaction: see `collect`."""
        target = self.path(sha256)
        with storage_errors():
            make_directory(target.parent)
            staged.replace(target)
            sync_directory(target.parent)

    def discard(self, sha256: str) -> None:
        """Delete bytes that no row mentions. Call it inside the catalog's write transaction: see `collect`."""
        self.path(sha256).unlink(missing_ok=True)

    def collect(self, is_known: Callable[[str], bool]) -> int:
        """Delete what a crash left behind: blobs without a row, and uploads abandoned a day ago.

        Call it inside the catalog's write transaction, as `publish`: a blob is then never between its rename and its
        row.

        Args:
            is_known: Tells whether a row mentions a hash.

        Returns:
            How many files were deleted.
        """
        doomed = [path for path in self._blobs() if not is_known(path.name)]
        oldest = time.time() - _STALE_S
        doomed += [path for path in (self.root / _STAGING).iterdir() if path.stat().st_mtime < oldest]
        for path in doomed:
            path.unlink(missing_ok=True)
        return len(doomed)

    def _blobs(self) -> Iterator[Path]:
        for folder in self.root.iterdir():
            if folder.name != _STAGING:
                yield from folder.iterdir()
