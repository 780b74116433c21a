"""Registry, serving process and live figures put together for `/v1/versions`. Blocking: it reads folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from service.scopes import SHARED, Scope, scopes_present
from service.versions.schemas import FigureOut, MarkOut, MoveOut, State, VerdictOut, VersionOut, VersionWhole
from service.versions.snapshot import Snapshot
from service.versions.standing import registry_of

if TYPE_CHECKING:
    from service.settings import Settings
    from service.versions.follower import Problem
    from training.registry.aliases import Move
    from training.registry.versions import Listed, Version


def list_versions(
    settings: Settings, snapshot: Snapshot, problems: Sequence[Problem], scope: Scope | None = None
) -> list[VersionOut]:
    """Describe every version.

    Args:
        settings: Where the registries are.
        snapshot: What serves in this process.
        problems: What should and does not.
        scope: Only versions of this one.

    Returns:
        The newest first within each scope, the shared one first; the start that ships is the shared one's last.
    """
    made = []
    for one in scopes_present(settings):
        if scope not in (None, one):
            continue
        registry = registry_of(settings, one)
        listed = [line for line in registry.list() if one == SHARED or line.name != registry.base]
        made += [_version(line, one, snapshot, problems) for line in listed]
    return made


def whole_version(
    settings: Settings, name: str, scope: Scope, snapshot: Snapshot, problems: Sequence[Problem]
) -> VersionWhole:
    """Describe one version with its card and history.

    Args:
        settings: Where the registries are.
        name: Of the version.
        scope: Whose it is.
        snapshot: What serves in this process.
        problems: What should and does not.

    Returns:
        The version.

    Raises:
        NoSuchVersion: Nothing of that name is published.
    """
    registry = registry_of(settings, scope)
    line = next((one for one in registry.list() if one.name == name), None)
    if line is None:
        from training.registry.errors import NoSuchVersion

        raise NoSuchVersion(f"there is no version {name}; GET /v1/versions lists them")
    moves = [move for move in registry.aliases().moves if name in (move.before, move.after)]
    shown = _version(line, scope, snapshot, problems)
    return VersionWhole(
        **shown.model_dump(exclude={"object"}),
        card=line.version.card.as_dict() if line.version else {},
        files=dict(line.version.files) if line.version else {},
        moves=[move_out(move) for move in moves],
    )


def move_out(move: Move) -> MoveOut:
    """Show a move of an alias."""
    return MoveOut(**{field: value for field, value in asdict(move).items() if field in MoveOut.model_fields})


def _version(line: Listed, scope: Scope, snapshot: Snapshot, problems: Sequence[Problem]) -> VersionOut:
    version = line.version
    told = [problem.reason for problem in problems if problem.version == line.name]
    return VersionOut(
        id=line.name,
        scope=str(scope),
        kind=version.kind if version else "",
        number=version.number if version else 0,
        created_at=version.created_at if version else 0.0,
        aliases=list(line.aliases),
        state=_state(line, told),
        problem=line.problem or "; ".join(told),
        summary=version.card.summary if version else "",
        base=version.card.base if version else "",
        method=version.card.method if version else "",
        parents=list(version.card.parents) if version else [],
        verdict=_verdict(version) if version else None,
        marks=[MarkOut(at=mark.at, reason=mark.reason, who=mark.who) for mark in version.marks] if version else [],
        loaded=snapshot.find(line.name) is not None,
        share=_share(line.name, scope, snapshot),
        figures=_figures(version) if version else {},
        live={},
    )


def _state(line: Listed, told: list[str]) -> State:
    if line.problem or line.version is None:
        return "damaged"
    if told:
        return "failing"
    return "marked" if line.version.marks else "ok"


def _verdict(version: Version) -> VerdictOut | None:
    judged = version.card.judged
    if judged is None:
        return None
    return VerdictOut(tier=judged.tier, passed=judged.passed, summary=judged.summary, champion=judged.champion)


def _figures(version: Version) -> dict[str, FigureOut]:
    judged = version.card.judged
    found = {}
    for check in judged.checks if judged is not None else ():
        if check.estimate is not None:
            told = check.estimate.as_dict()
            measured = {name: told[name] for name in ("value", "low", "high", "n")}
            found[check.name] = FigureOut(**measured, threshold=check.threshold, outcome=check.outcome)
    return found


def _share(name: str, scope: Scope, snapshot: Snapshot) -> float:
    arms = snapshot.arms.get(scope)
    if arms is None:
        return 0.0
    if arms.candidate is not None and arms.candidate.version == name:
        return snapshot.share
    if arms.champion.version == name:
        return 1.0 if arms.candidate is None else 1.0 - snapshot.share
    return 0.0
