"""The only writer of files: what it wrote is whole or absent, whatever the moment of the crash, and describes itself.

A *generation* is an immutable directory with a `manifest.json` that names every file with its size and SHA-256. It is
filled under a temporary name, synced, and renamed into place; `CURRENT` then names it, by an atomic replace.
`CURRENT` also names its predecessors, newest first: when a generation turns out to be damaged, readers fall back to
the newest one that served before and still verifies. A complete generation that was never pointed to never serves.

What a killed process left behind (temporary and half-deleted directories) is removed by the next publish; live ones
hold a lock on their own directory. Pure standard library; safe among threads and processes of one machine.
"""

from retrieval.durable.files import file_lock, make_directory, storage_errors, sync_directory, write_file_atomic
from retrieval.durable.frames import FrameWriter, read_frames, write_frames
from retrieval.durable.manifest import FileEntry, Manifest, read_manifest, verify_directory
from retrieval.durable.pointer import Published, open_current, read_pointer, swap_pointer
from retrieval.durable.publish import discard_directory, prune, publish_directory, publish_generation

__all__ = [
    "FileEntry",
    "FrameWriter",
    "Manifest",
    "Published",
    "discard_directory",
    "file_lock",
    "make_directory",
    "open_current",
    "prune",
    "publish_directory",
    "publish_generation",
    "read_frames",
    "read_manifest",
    "read_pointer",
    "storage_errors",
    "swap_pointer",
    "sync_directory",
    "verify_directory",
    "write_file_atomic",
    "write_frames",
]
