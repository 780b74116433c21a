"""A file that only grows: framed records, each with its checksum, on disk when `append` returns.

A frame is length and CRC-32 (little-endian, 4 bytes each) and the payload. What a killed writer left half-written at
the end is never read, and nothing is ever written behind it: every writer makes a file of its own. Thread-safe to read
while it is written; one thread writes.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

from retrieval.durable.files import TEMPORARY, storage_errors, sync_directory

MAGIC = b"GLFRAMES1\n"
_HEAD = struct.Struct("<II")
_BUFFER_BYTES = 1 << 20


class FrameWriter:
    """Appends to a new file."""

    def __init__(self, path: Path) -> None:
        """Make the file.

        Args:
            path: A name that is not taken; its directory exists.

        Raises:
            FileExistsError: When the name is taken.
            StorageFull: When the disk is full.
        """
        self.path = path
        with storage_errors():
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self.size_bytes = 0
            self._write(MAGIC)
            sync_directory(path.parent)

    def append(self, payloads: Iterable[bytes]) -> None:
        """Write records; all of them are on disk when this returns.

        Args:
            payloads: The records.

        Raises:
            StorageFull: When the disk refuses; then some of them may be there, and the writer is of no more use: what
                follows a torn frame would not be read.
        """
        with storage_errors():
            self._write(b"".join(frame(payload) for payload in payloads))
            os.fsync(self._descriptor)

    def is_current(self) -> bool:
        """Tell whether the file of that name is still the one that is written here, and was not replaced or removed."""
        try:
            return self.path.stat().st_ino == os.fstat(self._descriptor).st_ino
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def __enter__(self) -> FrameWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self.size_bytes += len(data)


def frame(payload: bytes) -> bytes:
    """Give a record as it lies in the file."""
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def read_frames(path: Path) -> Iterator[bytes]:
    """Give the records of a file in order, up to the first that is torn or damaged.

    Args:
        path: A file made by `FrameWriter` or `write_frames`.

    Yields:
        bytes: A payload.

    Raises:
        ValueError: When it is no such file.
        OSError: When it cannot be read.
    """
    with path.open("rb", buffering=_BUFFER_BYTES) as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            raise ValueError(f"{path.name} is no file of frames")
        while len(head := stream.read(_HEAD.size)) == _HEAD.size:
            size, checksum = _HEAD.unpack(head)
            payload = stream.read(size)
            if len(payload) != size or zlib.crc32(payload) != checksum:
                return
            yield payload


def write_frames(path: Path, payloads: Iterable[bytes]) -> int:
    """Replace a file by these records, whole or not at all, in the memory of one record.

    Args:
        path: The file; its directory exists.
        payloads: The records.

    Returns:
        How many there were.

    Raises:
        StorageFull: When the disk is full; the old content stands.
    """
    temporary = path.with_name(f"{TEMPORARY}{path.name}-{os.getpid()}-{os.urandom(4).hex()}")
    count = 0
    try:
        with storage_errors():
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb", buffering=_BUFFER_BYTES) as stream:
                stream.write(MAGIC)
                for payload in payloads:
                    stream.write(frame(payload))
                    count += 1
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
            sync_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
    return count
