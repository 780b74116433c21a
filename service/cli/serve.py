"""Commands that run something: everything at once, or one process of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.connect import Home, settings_for
from service.cli.output import Json, emit_line
from service.client.errors import Unavailable

if TYPE_CHECKING:
    from service.settings import Settings

Host = Annotated[str | None, typer.Option("--host", help="Address to listen on, instead of GROUNDLOOP_HOST.")]
Port = Annotated[
    int | None, typer.Option("--port", min=1, max=65535, help="Port to listen on, instead of GROUNDLOOP_PORT.")
]
Parent = Annotated[int | None, typer.Option("--parent-pid", hidden=True)]


def up(
    home: Home = None,
    host: Host = None,
    port: Port = None,
    docs: Annotated[
        bool, typer.Option(help="Keep Groundloop's own documentation in the collection groundloop-docs.")
    ] = True,
    json: Json = False,
) -> None:
    """Start everything on this machine: Redis, API, worker and schedule. Ctrl-C stops it."""
    from service.up.run import up as run

    def say(kind: str, sentence: str) -> None:
        emit_line({"event": kind, "message": sentence}) if json else typer.echo(
            sentence, err=kind in ("restart", "error")
        )

    run(settings_for(home=home, host=host, port=port), say, with_docs=docs)


def serve(home: Home = None, host: Host = None, port: Port = None, parent_pid: Parent = None) -> None:
    """Run the HTTP API alone."""
    from service.serving import run_api

    run_api(_tied(parent_pid, home=home, host=host, port=port))


def worker(
    home: Home = None,
    queues: Annotated[
        str, typer.Option(help="Which queues it works on: ingest, train, default, or some of them joined by commas.")
    ] = "ingest,train,default",
    parent_pid: Parent = None,
) -> None:
    """Run a worker alone: it ingests documents, trains, and does what comes again and again."""
    from service.jobs.names import QUEUES

    wanted = tuple(dict.fromkeys(part.strip() for part in queues.split(",")))
    if unknown := [one for one in wanted if one not in QUEUES]:
        raise typer.BadParameter(f"there is no queue {unknown[0]!r}; there are {', '.join(QUEUES)}")
    settings = _tied(parent_pid, home=home)
    from service.jobs.worker import run_worker

    _needing_redis(lambda given: run_worker(given, wanted), settings)


def beat(home: Home = None, parent_pid: Parent = None) -> None:
    """Run the schedule alone: it sends the periodic messages that workers act on."""
    settings = _tied(parent_pid, home=home)
    from service.jobs.worker import run_beat

    _needing_redis(run_beat, settings)


def _tied(parent_pid: int | None, *, home: Path | None, host: str | None = None, port: int | None = None) -> Settings:
    """Load the settings, and end with the supervisor if there is one."""
    if parent_pid is not None:
        from service.lifeline import die_with_parent

        die_with_parent(parent_pid)
    return settings_for(home=home, host=host, port=port)


def _needing_redis(run: Callable[[Settings], None], settings: Settings) -> None:
    try:
        run(settings)
    except LookupError as error:
        raise Unavailable(str(error)) from error
