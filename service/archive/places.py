"""The archive and the journal of these settings, and what is done with them on a schedule."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from service.archive.archive import Archive
from service.archive.erase import Erased, erase_user
from service.archive.erase import drop_before as drop_before_in
from service.archive.folder import ArchiveFolder, LocalFolder, RemoteFolder
from service.archive.journal import Journal
from service.archive.move import Archived, move_old, trim_journal
from service.archive.rebuild import Rebuilt, rebuild
from service.redis.blocking import connect
from service.settings import Settings

if TYPE_CHECKING:
    from redis import Redis

    from service.archive.tail import Tail


def journal_folder(settings: Settings) -> Path:
    """Give the folder of the journal."""
    return settings.home / "journal"


def open_journal(settings: Settings) -> Journal:
    """Give the journal."""
    return Journal(journal_folder(settings))


def open_archive(settings: Settings) -> Archive:
    """Give the archive; close it when done.

    Args:
        settings: Say where it is.

    Returns:
        The archive; nothing was read yet.

    Raises:
        ValueError: If `archive_url` cannot be used.
    """
    folder: ArchiveFolder
    if settings.archive_url is None:
        folder = LocalFolder(settings.home / "archive")
    else:
        folder = RemoteFolder(settings.archive_url)
    return Archive(folder, settings.home / "cache" / "archive.db")


def open_tail(settings: Settings) -> Tail:
    """Give the follower of an API process."""
    from service.archive.tail import Tail

    return Tail(
        journal_folder(settings),
        lambda: connect(settings),
        lambda client, journal: rebuild_from(client, journal, settings),
    )


def rebuild_from(client: Redis, journal: Journal, settings: Settings) -> Rebuilt:
    """Put the journal back into Redis, but for what the archive holds."""
    with closing(open_archive(settings)) as archive:
        return rebuild(client, journal, archive)


def archive(settings: Settings) -> Archived:
    """Move what is old, if it is time to; a doubled call does nothing.

    Args:
        settings: Say how old, where to and how often.

    Returns:
        What was moved; `finished` is False while there is more.

    Raises:
        LookupError: If no Redis is known.
        redis.RedisError: If Redis is away.
        ArchiveDamaged: If what was written does not read back; nothing has left Redis.
        StorageFull: If the disk is full.
    """
    from service.privacy.passages import drop_unshown

    with connect(settings) as client, closing(open_archive(settings)) as there:
        done = move_old(client, there, after_days=settings.archive_after_days, interval_s=settings.archive_interval_s)
        if done.answers:
            drop_unshown(client)
            trim_journal(client, open_journal(settings), there, after_days=settings.archive_after_days)
    return done


def erase_from_archive(settings: Settings, user: str) -> Erased:
    """Erase a person from the archive and the journal, at once.

    Args:
        settings: Say where they are.
        user: Identity (`Principal.identity`).

    Returns:
        What went.

    Raises:
        StorageFull: If the disk is full; run it again.
        ArchiveDamaged: If a rewritten batch does not read back.
    """
    with closing(open_archive(settings)) as there:
        return erase_user(there, open_journal(settings), user)


def drop_before(settings: Settings, before: float) -> Erased:
    """Drop what was served before a moment from the archive and the journal.

    Args:
        settings: Say where they are.
        before: Seconds since the epoch.

    Returns:
        What went.
    """
    with closing(open_archive(settings)) as there:
        return drop_before_in(there, open_journal(settings), before)
