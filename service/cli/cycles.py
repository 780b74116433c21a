"""`groundloop train start | cycles | cancel`: the cycles of a running server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from service.cli.connect import Key, Url, server_for
from service.cli.output import Json, emit, table

_PATH = "/v1/training/cycles"
CycleId = Annotated[str, typer.Argument(help="Id of a cycle.", show_default=False)]


def start(
    scope: Annotated[str, typer.Option(help="shared, segment:<name> or collection:<id>.")] = "shared",
    force: Annotated[
        bool, typer.Option("--force", help="Although little is new, or the last cycle was a moment ago.")
    ] = False,
    url: Url = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Start a cycle now, without waiting for the schedule."""
    with server_for(url, key) as server:
        cycle = server.call("POST", _PATH, body={"scope": scope, "force": force})
    emit(cycle, f"{cycle['id']}: {cycle['reason']}", json)


def show(
    cycle_id: Annotated[str | None, typer.Argument(help="One cycle, step by step.", show_default=False)] = None,
    url: Url = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """List cycles, the newest first, and what the next one waits for; or show one of them."""
    with server_for(url, key) as server:
        if cycle_id is not None:
            cycle = server.call("GET", f"{_PATH}/{cycle_id}")
            emit(cycle, _told(cycle), json)
            return
        page = server.call("GET", _PATH, query={"limit": 100})
    rows = [
        (one["id"], one["scope"], one["state"], _when(one["created_at"]), one["version"] or "", _short(one["reason"]))
        for one in page["data"]
    ]
    lines = [table(("cycle", "for", "state", "made", "version", "reason"), rows), ""] if rows else []
    lines += [f"next for {one['scope']}: {one['reason']}" for one in page["next"]]
    emit(page, "\n".join(lines), json)


def cancel(cycle_id: CycleId, url: Url = None, key: Key = None, json: Json = False) -> None:
    """End a cycle that waits or runs; what serves stays as it is."""
    with server_for(url, key) as server:
        cycle = server.call("POST", f"{_PATH}/{cycle_id}/cancel")
    ended = cycle["state"] == "cancelled"
    emit(cycle, f"{cycle_id} is cancelled" if ended else f"{cycle_id} ends within seconds", json)


def _told(cycle: dict[str, Any]) -> str:
    lines = [f"cycle {cycle['id']} for {cycle['scope']}: {cycle['state']}"]
    if cycle["reason"]:
        lines.append(cycle["reason"])
    for step in cycle["steps"]:
        end = step["finished_at"]
        took = f"{end - step['started_at']:7.1f} s" if end is not None else f"{cycle['progress']:8.0%} "
        lines.append(f"{step['name']:15} {took}  {step['note']}")
    if cycle["version"]:
        lines.append(f"version {cycle['version']}: `groundloop versions show {cycle['version']}`")
    if cycle["state"] == "failed":
        lines += ["", *cycle["log"]]
    return "\n".join(lines)


def _when(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
