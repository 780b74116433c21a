"""`groundloop feedback ...`"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from service.cli.connect import Key, Url, server_for
from service.cli.output import Json, emit

app = typer.Typer(help="Read what people said about answers.", no_args_is_help=True)


class Format(StrEnum):
    """Shapes of an export."""

    records = "records"
    dpo = "dpo"
    kto = "kto"


@app.callback()
def group() -> None:
    """Read what people said about answers."""


@app.command()
def export(
    format: Annotated[
        Format, typer.Option("--format", "-f", help="`records`, or TRL's shapes for DPO and KTO.")
    ] = Format.records,
    scope: Annotated[
        str, typer.Option(help="Who is to learn from it: shared, segment:<name>, collection:<id>; or all there is.")
    ] = "shared",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; standard output by default.")
    ] = None,
    url: Url = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Write the feedback out as JSON lines."""
    with server_for(url, key) as server:
        query = {"format": format.value, "scope": scope}
        if output is None:
            server.download("/v1/feedback/export", sys.stdout.buffer, query=query)
            sys.stdout.flush()
            return
        draft = output.with_name(output.name + ".part")  # an export that breaks off must not look whole
        try:
            with draft.open("wb") as handle:
                size = server.download("/v1/feedback/export", handle, query=query)
            draft.replace(output)
        finally:
            draft.unlink(missing_ok=True)
    emit({"output": str(output), "bytes": size}, f"{output}: {size} bytes", json)
