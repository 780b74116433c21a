"""Keeps converted encoders on disk, so that a process that serves needs neither torch nor the seconds of a conversion.

Each encoder has a folder named by its weights, with published generations in it. A generation serves as long as it was
made by the same format and OpenVINO version and its checksums hold; otherwise the next one replaces it. Processes that
start together convert once: the others wait for the one that holds the lock.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from retrieval.durable import file_lock, make_directory, open_current, prune, publish_generation
from retrieval.embed.openvino_convert import MODEL, convert_apart
from retrieval.errors import IndexCorrupt, RetrievalError, StorageFull

log = logging.getLogger(__name__)

FORMAT = 1  # of what `convert` writes
_WEIGHTS = ("*.safetensors", "*.bin", "config.json")
Convert = Callable[[Path, Path], None]  # model folder, empty directory to fill


@contextmanager
def converted(folder: Path, cache_dir: Path | None, *, convert: Convert = convert_apart) -> Iterator[Path]:
    """Give the file of a converted encoder; open it before leaving the context.

    Args:
        folder: Holds `config.json` and the weights.
        cache_dir: Where converted encoders are kept. None, or one that cannot be written: it is converted for this
            context only.
        convert: Does the work.

    Yields:
        Path: The model file, with its weights beside it.

    Raises:
        ConversionFailed: The encoder cannot be converted.
    """
    if cache_dir is not None:
        try:
            kept = keep(folder, cache_dir, convert)
        except (OSError, StorageFull) as error:
            log.warning("converted encoders cannot be kept in %s (%s); each start converts anew", cache_dir, error)
        else:
            yield kept
            return
    with tempfile.TemporaryDirectory(prefix="groundloop-encoder-") as scratch:
        convert(folder, Path(scratch))
        yield Path(scratch) / MODEL


def keep(folder: Path, cache_dir: Path, convert: Convert) -> Path:
    """Find the converted encoder in the cache, or convert and publish it; see `converted`."""
    weights = fingerprint(folder)
    place = cache_dir / f"openvino-{weights[:16]}"
    made_by = {"weights": weights, "openvino": importlib.metadata.version("openvino"), "format": FORMAT}
    if (found := _serving(place, made_by)) is not None:
        return found
    make_directory(place)
    with file_lock(cache_dir / f"{place.name}.lock"):
        if (found := _serving(place, made_by)) is not None:  # somebody else was quicker
            return found
        log.info("converting the encoder in %s; this takes some seconds, once", folder)
        publish_generation(place, functools.partial(convert, folder), metadata=made_by)
        prune(place, keep=1)
        found = _serving(place, made_by)
    if found is None:
        raise RetrievalError(f"the converted encoder in {place} was damaged while it was written")
    return found


def fingerprint(folder: Path) -> str:
    """Hash the weights and the configuration of a model folder, SHA-256 in hex."""
    total = hashlib.sha256()
    for path in sorted({path for pattern in _WEIGHTS for path in folder.glob(pattern)}):
        with path.open("rb") as stream:
            total.update(path.name.encode() + b"\0" + hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def _serving(place: Path, made_by: dict[str, object]) -> Path | None:
    try:
        published = open_current(place) if place.is_dir() else None
    except IndexCorrupt as error:
        log.warning("a converted encoder is damaged and is made anew: %s", error)
        return None
    if published is None or dict(published.manifest.metadata) != made_by:
        return None
    return published.path / MODEL
