"""`groundloop search QUERY`"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from service.cli.connect import Key, Url, server_for
from service.cli.output import Json, emit


def search(
    query: Annotated[str, typer.Argument(help="What to look for.", show_default=False)],
    collection: Annotated[str, typer.Option("--collection", "-c", help="Name or id.")] = "documents",
    k: Annotated[int, typer.Option("-k", min=1, max=50, help="How many passages.")] = 5,
    url: Url = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Find passages in a collection, without asking for an answer."""
    from service.client.errors import Refused
    from service.client.ingest import find_collection

    with server_for(url, key) as server:
        collection_id = find_collection(server, collection)
        if collection_id is None:
            raise Refused(f"there is no collection {collection}: `groundloop collections list` shows them")
        found = server.call(
            "POST", f"/v1/vector_stores/{collection_id}/search", body={"query": query, "max_num_results": k}
        )
    emit(found, "\n\n".join(_shown(hit) for hit in found["data"]) or "nothing found", json)


def _shown(hit: dict[str, Any]) -> str:
    text = " ".join(part["text"] for part in hit["content"])
    return f"{hit['score']:.3f}  {hit['filename']}\n{text.strip()}"
