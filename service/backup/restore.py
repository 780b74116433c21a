"""Makes a home from a backup."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.durable import make_directory, sync_directory
from retrieval.errors import Conflict, IndexCorrupt
from service.archive.places import open_archive
from service.archive.rebuild import Rebuilt, rebuild
from service.backup import HOME
from service.backup.verify import BackupSource, verify_backup
from service.redis.blocking import connect
from service.redis.server import RedisServer
from service.settings import Settings

if TYPE_CHECKING:
    from redis import Redis

LOADING_S = 300.0
_OF_ONE_PROCESS = ("run", "redis/redis.conf", "redis/redis.log")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put where."""

    home: str
    record: Rebuilt

    def as_dict(self) -> dict[str, Any]:
        """Give it as data."""
        return {"home": self.home, "record": asdict(self.record)}


def restore_backup(settings: Settings, folder: Path) -> Restored:
    """Make a home that holds what a backup holds; it appears whole or not at all.

    Args:
        settings: Name the home, which must not exist or be empty, and a Redis of yours if there is one, which must hold
            nothing of a Groundloop.
        folder: The backup; it is verified first.

    Returns:
        What was put back.

    Raises:
        Conflict: The home or the Redis is not empty.
        IndexCorrupt: The backup is damaged.
        RedisNotStarted: Our Redis did not start.
        redis.RedisError: Yours does not answer; empty it before you try again.
        StorageFull: The disk is full; the home does not exist.
    """
    home = settings.home
    if home.exists() and any(home.iterdir()):
        raise Conflict(f"{home} is not empty; restore into a new folder")
    verified = verify_backup(folder)
    if verified.problems:
        raise IndexCorrupt(f"the backup is damaged: {verified.problems[0]}")
    make_directory(home.parent)
    draft = home.with_name(f".tmp-{home.name}-{secrets.token_hex(4)}")
    try:
        shutil.copytree(folder / HOME, draft)
        draft.chmod(0o700)
        beside = settings.model_copy(update={"home": draft})
        with _empty_redis(beside) as client, closing(open_archive(beside)) as archive:
            record = rebuild(client, BackupSource(folder), archive)
        for name in _OF_ONE_PROCESS:
            path = draft / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if home.exists():
            home.rmdir()
        draft.rename(home)
        sync_directory(home.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Restored(str(home), record)


@contextmanager
def _empty_redis(settings: Settings) -> Iterator[Redis]:
    """Give a client of the Redis that the home will use: yours if it is empty, else one of the home's own."""
    if settings.redis_url is None:
        server = RedisServer(settings.home)
        server.start(LOADING_S)
        try:
            with closing(connect(settings)) as client:
                yield client
        finally:
            server.stop()
        return
    with closing(connect(settings)) as client:
        if next(client.scan_iter("gl:*", count=1000), None) is not None:
            raise Conflict("that Redis holds the record of a Groundloop already; restore into an empty one")
        yield client
