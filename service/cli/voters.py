"""`groundloop voters ...`: who judges, and keeping somebody out of training."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer

from service.cli.connect import Key, Url, server_for
from service.cli.output import Json, emit, table

app = typer.Typer(help="Voters: what is known of them, and who is kept out of training.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="A voter as `voters list` shows it.", show_default=False)]
MOST = 1000


@app.command("list")
def list_(url: Url = None, key: Key = None, json: Json = False) -> None:
    """List voters, who judged last first: judgements, trust, agreement with others."""
    with server_for(url, key) as server:
        voters = [voter for voter, _ in zip(server.pages("/v1/voters"), range(MOST), strict=False)]
    rows = [(one["id"], str(one["judgements"]), _when(one["last_at"]), _trust(one), _agreed(one)) for one in voters]
    emit(
        {"object": "list", "data": voters, "has_more": len(voters) == MOST},
        table(("voter", "judgements", "last", "trust", "agrees"), rows) if rows else "Nobody has judged anything yet.",
        json,
    )


@app.command()
def exclude(
    voter: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why; operators see it.", show_default=False)],
    url: Url = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Keep a voter's judgements out of training, from the next snapshot on."""
    with server_for(url, key) as server:
        shown = server.call("PUT", _path(voter), body={"reason": reason})
    emit(shown, f"{voter} is kept out of training: {reason}", json)


@app.command()
def readmit(voter: Name, url: Url = None, key: Key = None, json: Json = False) -> None:
    """Let a voter's judgements count again."""
    with server_for(url, key) as server:
        shown = server.call("DELETE", _path(voter))
    emit(shown, f"{voter} counts again", json)


def _path(voter: str) -> str:
    return f"/v1/voters/{quote(voter, safe='')}/exclusion"


def _trust(voter: dict[str, Any]) -> str:
    if voter["exclusion"] is not None:
        return f"excluded: {voter['exclusion']['reason']}"
    return "" if voter["found"] is None else str(voter["found"]["trust"])


def _agreed(voter: dict[str, Any]) -> str:
    found = voter["found"]
    if found is None or found["agreed"] is None:
        return ""
    return f"{found['agreed']:.0%} of {found['shared']} ({found['chance']:.0%} by luck)"


def _when(at: float | None) -> str:
    return "" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
