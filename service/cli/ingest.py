"""`groundloop ingest PATH...`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.connect import Key, Url, server_for
from service.cli.output import Json, complain, emit_line

DEFAULT_COLLECTION = "documents"


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.", show_default=False)],
    collection: Annotated[
        str, typer.Option("--collection", "-c", help="Name or id; made if there is none.")
    ] = DEFAULT_COLLECTION,
    delete_missing: Annotated[
        bool, typer.Option("--delete-missing", help="Also remove documents whose files are gone.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the files that would be looked at.")] = False,
    url: Url = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Bring files and folders into a collection. Unchanged files are skipped; it may be interrupted and run again."""
    from service.cli.bars import Bars, JsonLines
    from service.client import ingest as work
    from service.client.folder import local_files, supported

    files = local_files(paths)
    if dry_run:
        for file in files:
            emit_line({"source": file.source, "path": str(file.path)}) if json else typer.echo(file.source)
        return
    with server_for(url, key) as server, JsonLines() if json else Bars(len(files)) as shown:
        collection_id = work.find_or_create_collection(server, collection)
        results = work.ingest(
            server, collection_id, files, shown.progress, supported=supported, delete_missing=delete_missing
        )
    counts = {
        outcome: sum(result.outcome == outcome for result in results)
        for outcome in sorted({r.outcome for r in results})
    }
    problems = [result for result in results if result.outcome in ("failed", "unsupported")]
    if json:
        emit_line({"summary": counts, "collection": collection_id})
    else:
        told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items()) or "no files"
        typer.echo(f"{collection} ({collection_id}): {told}")
        for result in problems:
            complain(f"{result.source}: {result.reason}")
    if any(result.outcome == "failed" for result in problems):
        raise typer.Exit(1)
