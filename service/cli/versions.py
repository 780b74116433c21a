"""`groundloop versions ...`: works on the registry in the home folder itself, whether or not the server runs."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.connect import Home, settings_for
from service.cli.output import Json, emit, table

if TYPE_CHECKING:
    from service.settings import Settings
    from service.versions.moves import Moved
    from training.registry import Listed, Registry, Version

app = typer.Typer(help="Versions of the policy: what was trained, what serves.", no_args_is_help=True)
InScope = Annotated[str, typer.Option("--scope", help="shared, segment:<name> or collection:<id>.")]
Name = Annotated[str, typer.Argument(help="Name of a version, or champion, or candidate.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Why = Annotated[str, typer.Option("--why", help="The reason; kept in the history.")]


@app.command("list")
def list_(scope: InScope = "shared", home: Home = None, json: Json = False) -> None:
    """List the versions, the newest first, and which of them serves."""
    with _folder(home, scope=scope) as (_, registry):
        lines = registry.list()
    rows = [
        (line.name, ", ".join(line.aliases), _made(line.version), _verdict(line.version), _state(line))
        for line in lines
    ]
    data = {"object": "list", "data": [_line(line) for line in lines], "has_more": False}
    emit(data, table(("version", "alias", "made", "gate", "state"), rows), json)


@app.command()
def show(name: Name, home: Home = None, json: Json = False) -> None:
    """Show a version's model card: data, figures, verdict check by check, limits; and its history."""
    with _folder(home, name) as (_, registry):
        version = registry.get(name)
        moves = [move for move in registry.aliases().moves if version.name in (move.before, move.after)]
    data = {**version.as_dict(), "moves": [_move(move) for move in moves]}
    told = [version.card.markdown().rstrip()]
    told += ["", "## History", ""] if moves or version.marks else []
    told += [f"* {_when(move.at)}: {_moved(move)}" for move in moves]
    told += [f"* {_when(mark.at)}: marked: {mark.reason}{_by(mark.who)}" for mark in version.marks]
    emit(data, "\n".join(told), json)


@app.command()
def promote(
    name: Name,
    force: Annotated[
        bool, typer.Option("--force", help="Although the gate did not pass it, or it is marked; needs --why.")
    ] = False,
    why: Why = "",
    yes: Yes = False,
    home: Home = None,
    json: Json = False,
) -> None:
    """Make a version the champion of its scope; serving processes take it up within a second."""
    with _folder(home, name) as (settings, registry):
        version, state, before = registry.get(name), registry.aliases(), registry.alias("champion")
        if not yes:
            typer.confirm(f"Let {version.name} serve instead of {before}?", abort=True)
        from service.versions import moves

        moved = moves.promote(settings, version.name, expected=state.sequence, who=_me(), why=why, force=force)
        _tell(settings, moved, why)
    emit({"champion": version.name, "before": before}, f"{version.name} serves; before it {before} did", json)


@app.command()
def trial(
    name: Name,
    end: Annotated[bool, typer.Option("--end", help="End its trial: the champion answers everybody again.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Although the gate refused it; needs --why.")] = False,
    why: Why = "",
    yes: Yes = False,
    home: Home = None,
    json: Json = False,
) -> None:
    """Put a version on trial: it answers a share of the users until votes promote it or send it back."""
    with _folder(home, name) as (settings, registry):
        version, state = registry.get(name), registry.aliases()
        if not yes:
            asked = f"End the trial of {version.name}?" if end else f"Let {version.name} answer a share of the users?"
            typer.confirm(asked, abort=True)
        from service.versions import moves

        if end:
            moved = moves.end_trial(settings, version.name, expected=state.sequence, who=_me(), why=why)
        else:
            moved = moves.try_out(settings, version.name, expected=state.sequence, who=_me(), why=why, force=force)
        _tell(settings, moved, why)
    told = f"{version.name} is no longer on trial" if end else f"{version.name} is on trial"
    emit({"candidate": moved.version, "before": moved.before}, told, json)


@app.command()
def rollback(scope: InScope = "shared", why: Why = "", yes: Yes = False, home: Home = None, json: Json = False) -> None:
    """Go back to the champion before this one; serving processes follow within a second."""
    with _folder(home, scope=scope) as (settings, registry):
        state, before = registry.aliases(), registry.alias("champion")
        if not yes:
            typer.confirm(f"Take {before} out of service and go back to the one before it?", abort=True)
        from service.scopes import Scope
        from service.versions import moves

        moved = moves.roll_back(settings, Scope.parse(scope), expected=state.sequence, who=_me(), why=why)
        _tell(settings, moved, why)
        after = moved.version
    emit({"champion": after, "before": before}, f"{after} serves again instead of {before}", json)


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(help="A version; all of them by default.", show_default=False)] = None,
    scope: InScope = "shared",
    home: Home = None,
    json: Json = False,
) -> None:
    """Check every file of a version, or of all, against its SHA-256."""
    with _folder(home, name, scope=scope) as (_, registry):
        found = registry.verify(name if name is None else registry.alias(name) or name)
        problem = registry.aliases().problem
    data = {"aliases": problem or "ok", "versions": {one: wrong or "ok" for one, wrong in found.items()}}
    told = [f"{one}: {wrong or 'ok'}" for one, wrong in found.items()] + ([problem] if problem else [])
    emit(data, "\n".join(told) or "No version is published yet.", json)
    if problem or any(found.values()):
        raise typer.Exit(1)


@app.command()
def export(
    name: Name,
    to: Annotated[Path, typer.Argument(help="New folder to write.", show_default=False)],
    adapter_only: Annotated[
        bool, typer.Option("--adapter-only", help="The LoRA adapter alone, as vLLM loads it at run time.")
    ] = False,
    home: Home = None,
    json: Json = False,
) -> None:
    """Write a version for other servers: the merged model (vLLM, llama.cpp), or its adapter."""
    with _folder(home, name) as (_, registry):
        from training.registry.export import export_version

        written = export_version(registry.open(registry.alias(name) or name), to, adapter_only=adapter_only)
    emit(written.as_dict(), written.summary, json)


@contextmanager
def _folder(home: Any, name: str | None = None, *, scope: str = "shared") -> Iterator[tuple[Settings, Registry]]:
    """Give the registry of a scope, or of a version; what it refuses becomes a message and an exit code."""
    from retrieval.errors import StorageFull
    from service.client.errors import Clash, Refused
    from service.scopes import Scope
    from service.versions.moves import scope_of
    from service.versions.standing import registry_of
    from training.registry import NothingBefore, NotPromotable, RegistryError, StaleWriter
    from training.registry.versions import is_name

    try:
        settings = settings_for(home=home)
        where = scope_of(settings, name) if name is not None and is_name(name) else Scope.parse(scope)
        yield settings, registry_of(settings, where)
    except (StaleWriter, NotPromotable, NothingBefore) as error:
        raise Clash(str(error)) from error
    except (RegistryError, StorageFull, ValueError) as error:
        raise Refused(str(error)) from error


def _tell(settings: Settings, moved: Moved, why: str) -> None:
    from service.versions.tell import tell

    tell(settings, moved, why)


def _line(line: Listed) -> dict[str, Any]:
    known = line.version.as_dict() if line.version else {"id": line.name}
    known.pop("card", None)
    passed = line.version.card.judged if line.version else None
    verdict = None if passed is None else {"passed": passed.passed, "tier": passed.tier, "summary": passed.summary}
    return {**known, "aliases": list(line.aliases), "problem": line.problem, "verdict": verdict}


def _state(line: Listed) -> str:
    if line.problem:
        return f"damaged: {line.problem}"
    marks = line.version.marks if line.version else ()
    return f"marked: {marks[-1].reason}" if marks else "ok"


def _verdict(version: Version | None) -> str:
    if version is None or version.path is None:
        return ""
    judged = version.card.judged
    if judged is None:
        return "not judged"
    return {"proven": "passed", "trial": "may be tried"}.get(judged.tier, "refused")


def _made(version: Version | None) -> str:
    return _when(version.created_at) if version and version.created_at else ""


def _when(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def _moved(move: Any) -> str:
    what = f"{move.kind} {move.alias}: {move.before or 'none'} -> {move.after or 'none'}"
    return f"{what}{' by force' if move.forced else ''}{_by(move.who)}{f': {move.why}' if move.why else ''}"


def _move(move: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(move)


def _by(who: str) -> str:
    return f" ({who})" if who else ""


def _me() -> str:
    try:
        return f"command line: {getpass.getuser()}"
    except (KeyError, OSError):
        return "command line"
