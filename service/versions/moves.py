"""Moves of the aliases by hand: promote, put on trial, end a trial, roll back. Each is one move of one pointer.

The same for the API and for the command line; blocking. Whoever moves announces it and settles the cycle that made the
version, both of which may fail without harm: the pointer is in the registry's folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from service.scopes import SHARED, Scope
from service.versions.announce import Announcement
from service.versions.standing import names_present, registry_of
from training.registry.aliases import CANDIDATE, CHAMPION, Aliases
from training.registry.errors import NoSuchVersion, NothingBefore, NotPromotable
from training.registry.versions import BASES

if TYPE_CHECKING:
    from service.settings import Settings
    from training.registry.registry import Registry

Became = Literal["promoted", "rolled_back"]


@dataclass(frozen=True, slots=True)
class Moved:
    """One move."""

    scope: Scope
    alias: str
    before: str | None
    version: str | None  # what the alias names now
    sequence: int
    settles: tuple[str, Became] | None = None  # the version whose cycle has its end by this, and which

    @property
    def announcement(self) -> Announcement:
        """What the other processes are told."""
        return Announcement(str(self.scope), self.alias, self.version, self.sequence)


def scope_of(settings: Settings, name: str) -> Scope:
    """Find the scope of a version.

    Args:
        settings: Where the registries are.
        name: Of a version; the start that ships is everybody's.

    Returns:
        The scope.

    Raises:
        NoSuchVersion: Nothing of that name is published.
    """
    if name in BASES.values():
        return SHARED
    known = names_present(settings).get(name)
    if known is None:
        raise NoSuchVersion(f"there is no version {name}; GET /v1/versions lists them")
    return known.scope


def promote(
    settings: Settings, name: str, *, who: str, why: str = "", force: bool = False, expected: int | None = None
) -> Moved:
    """Make a version the champion of its scope.

    Args:
        settings: Where the registries are.
        name: Of a version.
        who: Who wants it.
        why: Why; must be given with `force`.
        force: Although its verdict or its marks forbid it.
        expected: Sequence of the aliases that this was decided on.

    Returns:
        The move.

    Raises:
        RegistryError: As `Registry.promote`; nothing was moved.
    """
    scope = scope_of(settings, name)
    registry = registry_of(settings, scope)
    before = registry.alias(CHAMPION)
    state = registry.promote(name, expected=expected, who=who, why=why, force=force)
    return Moved(scope, CHAMPION, before, name, state.sequence, (name, "promoted"))


def try_out(
    settings: Settings, name: str, *, who: str, why: str = "", force: bool = False, expected: int | None = None
) -> Moved:
    """Put a version on trial: it answers a share of the requests of its scope.

    Args:
        settings: Where the registries are.
        name: Of a version.
        who: Who wants it.
        why: Why; must be given with `force`.
        force: Although the gate refused it, it is marked, or another one is on trial.
        expected: Sequence of the aliases that this was decided on.

    Returns:
        The move.

    Raises:
        NotPromotable: It serves already, another one is on trial, the gate refused it or it is marked; or `force`
            without a reason.
        RegistryError: As `Registry.assign`; nothing was moved.
    """
    scope = scope_of(settings, name)
    registry = registry_of(settings, scope)
    state = registry.aliases()
    before = state.others.get(CANDIDATE)
    if name == _champion(registry, state):
        raise NotPromotable(f"{name} serves already")
    if force and not why.strip():
        raise NotPromotable("a trial by force needs a reason; it is kept in the history")
    if not force:
        _may_be_tried(registry, name, before)
    moved = registry.assign(CANDIDATE, name, expected=_or(expected, state), who=who, why=why)
    return Moved(scope, CANDIDATE, before, name, moved.sequence)


def end_trial(settings: Settings, name: str, *, who: str, why: str = "", expected: int | None = None) -> Moved:
    """Send a candidate back.

    Args:
        settings: Where the registries are.
        name: Of the version on trial.
        who: Who wants it.
        why: Why.
        expected: Sequence of the aliases that this was decided on.

    Returns:
        The move.

    Raises:
        NotPromotable: It is not on trial.
        RegistryError: As `Registry.assign`; nothing was moved.
    """
    scope = scope_of(settings, name)
    registry = registry_of(settings, scope)
    state = registry.aliases()
    if state.others.get(CANDIDATE) != name:
        raise NotPromotable(f"{name} is not on trial")
    moved = registry.assign(CANDIDATE, None, expected=_or(expected, state), who=who, why=why)
    return Moved(scope, CANDIDATE, name, None, moved.sequence, (name, "rolled_back"))


def roll_back(
    settings: Settings, scope: Scope = SHARED, *, who: str, why: str = "", expected: int | None = None
) -> Moved:
    """Go back to the champion before.

    Args:
        settings: Where the registries are.
        scope: Whose champion.
        who: Who wants it.
        why: Why.
        expected: Sequence of the aliases that this was decided on.

    Returns:
        The move.

    Raises:
        NothingBefore: Nothing was there before.
        RegistryError: As `Registry.rollback`; nothing was moved.
    """
    registry = registry_of(settings, scope)
    before = registry.alias(CHAMPION)
    if not registry.root.is_dir():
        raise NothingBefore(f"nothing was ever published for {scope}")
    state = registry.rollback(expected=expected, who=who, why=why)
    after = _champion(registry, state)
    settles: tuple[str, Became] | None = None if before is None else (before, "rolled_back")
    return Moved(scope, CHAMPION, before, after, state.sequence, settles)


def _or(expected: int | None, state: Aliases) -> int:
    return state.sequence if expected is None else expected


def _champion(registry: Registry, state: Aliases) -> str:
    return (*state.champions, registry.base)[0]


def _may_be_tried(registry: Registry, name: str, on_trial: str | None) -> None:
    version = registry.get(name)
    verdict = version.card.judged
    if on_trial not in (None, name):
        raise NotPromotable(f"{on_trial} is on trial; end that trial first, or force this one with a reason")
    if verdict is None:
        raise NotPromotable(f"{name} was not judged by the gate; force with a reason to try it all the same")
    if verdict.tier == "refused":
        raise NotPromotable(f"the gate refused {name}: {verdict.summary}")
    if version.marks:
        raise NotPromotable(f"{name} is marked: {version.marks[-1].reason}")
