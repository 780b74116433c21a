"""Puts the commands together and turns errors into messages and exit codes.

Exit codes: 0 done, 1 it failed or was refused, 2 wrong usage, 3 something that is needed does not answer, 4 the present
state forbids it.
"""

from __future__ import annotations

import sys

import typer

from service.cli import (
    ask,
    backup,
    collections,
    doctor,
    erase,
    evaluate,
    feedback,
    ingest,
    keys,
    link,
    search,
    serve,
    train,
    versions,
    voters,
)
from service.cli.group import TellingGroup
from service.cli.output import Json, emit

app = typer.Typer(
    name="groundloop",
    cls=TellingGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Answers from your documents, with citations, and gets better from votes.",
    epilog="Address and key come from GROUNDLOOP_URL and GROUNDLOOP_API_KEY, else from the folder GROUNDLOOP_HOME.",
)


app.command()(serve.up)
app.command()(serve.serve)
app.command()(serve.worker)
app.command()(serve.beat)
app.command("ingest")(ingest.ingest)
app.command("ask")(ask.ask)
app.command("search")(search.search)
app.command("evaluate")(evaluate.evaluate)
app.command("link")(link.link)
app.command("doctor")(doctor.doctor)
app.command("rebuild")(backup.rebuild)
app.command("erase")(erase.erase)
app.add_typer(backup.app, name="backup")
app.add_typer(collections.app, name="collections")
app.add_typer(feedback.app, name="feedback")
app.add_typer(keys.app, name="keys")
app.add_typer(train.app, name="train")
app.add_typer(versions.app, name="versions")
app.add_typer(voters.app, name="voters")


@app.command()
def version(json: Json = False) -> None:
    """Show the version."""
    from importlib.metadata import version as installed

    shown = installed("groundloop")
    emit({"version": shown, "python": sys.version.split()[0]}, shown, json)
