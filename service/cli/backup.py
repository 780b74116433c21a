"""`groundloop backup ...` and `groundloop rebuild`: copies of everything, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from service.cli.connect import Home, settings_for
from service.cli.output import Json, emit
from service.client.errors import Clash, Refused, Unavailable

app = typer.Typer(help="Copies of a whole home, taken while it serves.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="Folder of the backup.", show_default=False)]


@app.callback()
def group() -> None:
    """Copies of a whole home, taken while it serves."""


@app.command()
def create(folder: Folder, home: Home = None, json: Json = False) -> None:
    """Back the home up into a new folder: record, documents, keys, versions, training, archive."""
    from service.backup.create import create_backup

    with _telling():
        done = create_backup(settings_for(home=home), folder)
    told = f"{folder}: {done.answers} answers, {done.judgements} judgements, {done.files} files, "
    emit(done.as_dict(), f"{told}{done.size_bytes} bytes in {done.took_s:.1f} s", json)


@app.command()
def verify(folder: Folder, json: Json = False) -> None:
    """Check every file of a backup against its SHA-256, every database, and what refers to what."""
    from service.backup.verify import verify_backup

    with _telling():
        found = verify_backup(folder)
    told = f"{found.answers} answers, {found.judgements} judgements, {found.databases} databases, {found.blobs} files"
    emit(found.as_dict(), "\n".join(found.problems) or f"{folder} is whole: {told}", json)
    if found.problems:
        raise typer.Exit(1)


@app.command()
def restore(folder: Folder, home: Home = None, json: Json = False) -> None:
    """Make a home from a backup; the home must not exist yet, or be empty."""
    from service.backup.restore import restore_backup

    with _telling():
        done = restore_backup(settings_for(home=home), folder)
    told = f"{done.home} holds {done.record.answers} answers and {done.record.entries} judgements in Redis"
    emit(done.as_dict(), f"{told}; start it with `groundloop up --home {done.home}`", json)


def rebuild(home: Home = None, json: Json = False) -> None:
    """Put back into Redis what it lost, from the journal in the home folder; what it holds stays."""
    from service.archive.places import open_journal, rebuild_from
    from service.redis.blocking import connect

    settings = settings_for(home=home)
    with _telling(), closing(connect(settings)) as client:
        done = rebuild_from(client, open_journal(settings), settings)
    told = f"put back: {done.answers} answers, {done.entries} judgements, {done.other_keys} other keys"
    emit(done.as_dict(), told, json)


@contextmanager
def _telling() -> Iterator[None]:
    """Turn what is refused into a message and an exit code."""
    from redis import RedisError

    from retrieval.errors import Conflict, IndexCorrupt, StorageFull
    from service.redis.server import RedisNotStarted

    try:
        yield
    except Conflict as error:
        raise Clash(str(error)) from error
    except (IndexCorrupt, StorageFull, ValueError) as error:
        raise Refused(str(error)) from error
    except (RedisError, RedisNotStarted, LookupError) as error:
        raise Unavailable(str(error)) from error
