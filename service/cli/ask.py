"""`groundloop ask QUESTION`"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from service.cli.connect import Key, Url, server_for
from service.cli.output import Json, emit_line

QUOTE_CHARACTERS = 240


def ask(
    question: Annotated[str, typer.Argument(help="What to ask.", show_default=False)],
    collection: Annotated[
        list[str] | None,
        typer.Option("--collection", "-c", help="Name or id; may be repeated; all that you may read by default."),
    ] = None,
    model: Annotated[str, typer.Option(help="`groundloop`, or `groundloop@<version>`.")] = "groundloop",
    url: Url = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Ask a question; the answer streams, then its sources follow with page and quote."""
    from service.client.errors import Refused
    from service.client.ingest import find_collection

    with server_for(url, key) as server:
        body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": question}]}
        if collection:
            ids = [find_collection(server, name) for name in collection]
            if None in ids:
                raise Refused(
                    f"there is no collection {collection[ids.index(None)]}: `groundloop collections list` shows them"
                )
            body["collections"] = ids
        if json:
            emit_line(server.call("POST", "/v1/chat/completions", body=body))
            return
        citations: Sequence[dict[str, Any]] = ()
        answer_id = None
        for event in server.events("/v1/chat/completions", {**body, "stream": True}):
            for choice in event.get("choices", ()):
                delta = choice.get("delta", {})
                sys.stdout.write(delta.get("content") or "")
                sys.stdout.flush()
                holder = delta if "context" in delta else choice.get("message", {})
                citations = holder.get("context", {}).get("citations", citations)
                answer_id = choice.get("answer_id") or delta.get("answer_id") or answer_id
    typer.echo("\n")
    for citation in citations:
        typer.echo(source_line(citation))
    if answer_id:
        typer.echo(f"\nanswer {answer_id}")


def source_line(citation: dict[str, Any]) -> str:
    """Give a numbered source: where it is from, and the words."""
    name = citation.get("title") or citation.get("filepath") or citation.get("document_id")
    page = citation.get("page") or citation.get("page_start")
    where = f"{name}, page {page}" if page else str(name)
    unverified = "" if citation.get("verified", True) else "  (not verified)"
    quote = " ".join(str(citation.get("content", "")).split())
    if len(quote) > QUOTE_CHARACTERS:
        quote = quote[: QUOTE_CHARACTERS - 1] + "…"
    return f"[{citation['number']}] {where}{unverified}\n    “{quote}”"
