"""Published generations of a collection on disk: find the newest that can be read, say what is damaged.

A damaged generation is never opened. It leaves a marker beside the generations, so that whoever builds knows that a
rebuild is due; until then the predecessor serves, or the catalog's own vectors do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from retrieval.durable import open_current, storage_errors, write_file_atomic
from retrieval.durable.pointer import CURRENT
from retrieval.errors import IndexCorrupt, StorageFull
from retrieval.index.generation import Generation, open_generation

_log = logging.getLogger(__name__)
_MARKER = "rebuild"


def load_newest(folder: Path, opener: Callable[[Path], Generation] = open_generation) -> Generation | None:
    """Open the newest generation whose files match their checksums; None when there is none.

    Args:
        folder: Holds the collection's generations; may be absent.
        opener: Opens one whose files are whole; IndexCorrupt when it cannot serve.

    Returns:
        The generation. When it is not the current one, or nothing readable is left, a rebuild is asked for.
    """
    if not folder.is_dir():
        return None
    try:
        published = open_current(folder)
        if published is None:
            return None
        generation = opener(published.path)
    except IndexCorrupt as error:
        request_rebuild(folder, str(error))
        return None
    if published.is_fallback:
        request_rebuild(folder, f"serving {generation.name}: newer generations are damaged")
    return generation


def pointer_stamp(folder: Path) -> tuple[int, int] | None:
    """Give a value that changes whenever another generation becomes current; one `stat`."""
    try:
        status = (folder / CURRENT).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def request_rebuild(folder: Path, reason: str) -> None:
    """Leave a marker that the next build must not skip this collection."""
    _log.error("index damaged, rebuild requested", extra={"index": folder.name, "reason": reason})
    try:
        write_file_atomic(folder / _MARKER, f"{reason}\n".encode())
    except (OSError, StorageFull):
        # Searching goes on from the catalog; whoever builds looks at the files again anyway.
        _log.exception("the rebuild marker could not be written", extra={"index": folder.name})


def rebuild_requested(folder: Path) -> bool:
    """Tell whether a reader found this collection's index damaged."""
    return (folder / _MARKER).exists()


def clear_rebuild_request(folder: Path) -> None:
    """Note that the index has been rebuilt."""
    with storage_errors():
        (folder / _MARKER).unlink(missing_ok=True)
