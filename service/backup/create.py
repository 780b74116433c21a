"""Takes a backup while the service runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from retrieval.durable import make_directory, publish_directory, write_frames
from retrieval.errors import Conflict
from service.archive.items import AnswerItem, EntryItem, encode
from service.archive.live import live_items
from service.archive.state import state_items
from service.backup import HOME, RECORD, STATE
from service.backup.copying import copy_home
from service.redis.blocking import connect
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds."""

    started_at: float  # seconds since the epoch by Redis's clock: everything acknowledged before is in
    took_s: float
    answers: int
    judgements: int
    files: int
    size_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """Give it as data."""
        return asdict(self)


def create_backup(settings: Settings, target: Path) -> Backup:
    """Back a home up; it may be serving, ingesting and training.

    Redis goes first and the archive after it: what moves meanwhile is in both, never in neither.

    Args:
        settings: Of the home.
        target: A folder that does not exist, outside the home.

    Returns:
        What it holds.

    Raises:
        Conflict: The target exists, or lies inside the home.
        LookupError: No Redis is known.
        redis.RedisError: Redis does not answer.
        StorageFull: The disk is full; there is no backup.
    """
    target = target.absolute()
    if target.exists():
        raise Conflict(f"{target} exists; a backup is a new folder")
    if target.is_relative_to(settings.home):
        raise Conflict(f"{target} is inside the home folder; a backup belongs elsewhere")
    began = time.monotonic()
    counts = {"answers": 0, "judgements": 0}
    metadata: dict[str, Any] = {}

    def fill(folder: Path) -> None:
        with closing(connect(settings)) as client:
            told: Any = client.time()
            metadata["started_at"] = told[0] + told[1] / 1e6

            def record() -> Iterator[bytes]:
                for piece in live_items(client):
                    for item in piece:
                        counts["answers"] += isinstance(item, AnswerItem)
                        counts["judgements"] += isinstance(item, EntryItem)
                        yield encode(item)

            write_frames(folder / RECORD, record())
            write_frames(folder / STATE, (encode(item) for piece in state_items(client) for item in piece))
        (folder / HOME).mkdir(mode=0o700)
        copy_home(settings.home, folder / HOME)
        metadata.update(counts, groundloop=version("groundloop"), archive_url=settings.archive_url or "")

    make_directory(target.parent)
    manifest = publish_directory(target.parent, target.name, fill, metadata=metadata)
    target.chmod(0o700)  # it holds the keys' hashes and everybody's questions
    return Backup(
        started_at=metadata["started_at"],
        took_s=time.monotonic() - began,
        answers=counts["answers"],
        judgements=counts["judgements"],
        files=len(manifest.files),
        size_bytes=sum(entry.size_bytes for entry in manifest.files.values()),
    )
