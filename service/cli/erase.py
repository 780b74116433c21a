"""`groundloop erase USER`: everything a person asked, was answered and said."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from service.cli.connect import Key, Url, server_for
from service.cli.output import Json, emit

if TYPE_CHECKING:
    from service.client.http import Server

POLL_S = 0.5


def erase(
    user: Annotated[str, typer.Argument(help="Whose: `key:<id>` or `key:<id>/user:<end user>`.", show_default=False)],
    now: Annotated[
        bool, typer.Option("--now", help="Rewrite Redis's file at once, and wait until nothing is left.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what there is.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    timeout_s: Annotated[float, typer.Option(min=1, help="Longest wait with --now.")] = 600.0,
    url: Url = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Erase what a person asked, was answered and said; mark the versions that learned from it."""
    path = f"/v1/users/{quote(user, safe='')}/data"
    with server_for(url, key) as server:
        there = server.call("GET", path)
        counted = f"{there['answers']} answers and {there['judgements']} judgements of {user} in Redis"
        if dry_run:
            emit(there, f"{counted}; nothing was erased", json)
            return
        if not yes:
            typer.confirm(f"{counted}, and what the archive and training hold: erase it for good?", abort=True)
        asked = server.call("DELETE", path, query={"now": "true" if now else "false"})
        done = _wait(server, path, timeout_s) if now else asked
    emit(done, _said(done), json)


def _wait(server: Server, path: str, timeout_s: float) -> dict[str, Any]:
    from service.client.errors import Unavailable

    deadline = time.monotonic() + timeout_s
    while True:
        erasure: dict[str, Any] = server.call("GET", path)["erasure"]
        if erasure["state"] == "done":
            return erasure
        if time.monotonic() > deadline:
            why = erasure["reason"] or erasure["step"] or "no worker has taken it up"
            raise Unavailable(f"the erasure goes on, it is not done yet: {why}")
        time.sleep(POLL_S)


def _said(erasure: dict[str, Any]) -> str:
    if erasure["state"] != "done":
        return f"{erasure['id']}: noted; a worker does it now. The same command with --dry-run shows how far it is"
    deleted = ", ".join(f"{count} {kind}" for kind, count in erasure["deleted"].items()) or "nothing was there"
    marked = "; marked: " + ", ".join(erasure["versions"]) if erasure["versions"] else ""
    return f"{erasure['id']}: erased: {deleted}{marked}"
