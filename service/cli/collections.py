"""`groundloop collections ...`"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from service.cli.connect import Key, Url, server_for
from service.cli.output import Json, emit, table

app = typer.Typer(help="Sets of documents.", no_args_is_help=True)


@app.command("list")
def list_(url: Url = None, key: Key = None, json: Json = False) -> None:
    """List the collections that you may read."""
    with server_for(url, key) as server:
        stores = list(server.pages("/v1/vector_stores"))
    emit(stores, table(("id", "name", "documents", "failed"), [_row(store) for store in stores]), json)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What people call it.", show_default=False)],
    url: Url = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Make an empty collection."""
    with server_for(url, key) as server:
        store = server.call("POST", "/v1/vector_stores", body={"name": name})
    emit(store, str(store["id"]), json)


@app.command()
def delete(
    collection: Annotated[str, typer.Argument(help="Name or id.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Delete a collection with its index; uploaded files stay."""
    from service.client.errors import Refused
    from service.client.ingest import find_collection

    with server_for(url, key) as server:
        collection_id = find_collection(server, collection)
        if collection_id is None:
            raise Refused(f"there is no collection {collection}")
        if not yes:
            typer.confirm(f"Delete {collection} ({collection_id})?", abort=True)
        answer = server.call("DELETE", f"/v1/vector_stores/{collection_id}")
    emit(answer, f"deleted {collection_id}", json)


def _row(store: dict[str, Any]) -> tuple[str, ...]:
    counts = store.get("file_counts", {})
    return (str(store["id"]), str(store["name"]), str(counts.get("completed", 0)), str(counts.get("failed", 0)))
