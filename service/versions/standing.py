"""What the registries say should serve: read from their folders, nothing loaded.

Whoever reads the same folders comes to the same result, so processes agree without talking to each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.scopes import Scope, registry_folder, registry_kind, scopes_present

if TYPE_CHECKING:
    from service.settings import Settings
    from training.registry.registry import Registry

Token = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What should serve in one scope."""

    scope: Scope
    champions: tuple[str, ...] = ()  # in the order in which they are tried; without the start that ships
    candidate: str | None = None
    sequence: int = 0
    problem: str = ""  # of the aliases themselves


def registry_of(settings: Settings, scope: Scope) -> Registry:
    """Open the registry of a scope."""
    from training.registry.registry import Registry

    return Registry(registry_folder(settings, scope), kind=registry_kind(settings))


def read_standings(settings: Settings) -> tuple[Standing, ...]:
    """Read what should serve, the shared scope first.

    Args:
        settings: Which policy, and where the home is.

    Returns:
        One standing for each scope that has a registry, and always for the shared one.
    """
    from training.registry.aliases import CANDIDATE

    made = []
    for scope in scopes_present(settings):
        state = registry_of(settings, scope).aliases()
        made.append(Standing(scope, state.champions, state.others.get(CANDIDATE), state.sequence, state.problem))
    return tuple(made)


@dataclass(frozen=True, slots=True)
class Published:
    """A version that is there to be loaded."""

    scope: Scope
    at: float  # seconds since the epoch


def names_present(settings: Settings) -> dict[str, Published]:
    """Give every published version with its scope; the newest first within each."""
    from training.registry.versions import is_name, number_of

    found: dict[str, Published] = {}
    for scope in scopes_present(settings):
        folder = registry_folder(settings, scope) / "versions"
        paths = [path for path in folder.iterdir() if is_name(path.name)] if folder.is_dir() else []
        for path in sorted(paths, key=lambda one: number_of(one.name), reverse=True):
            found[path.name] = Published(scope, path.stat().st_mtime)
    return found


def read_token(settings: Settings) -> Token:
    """Give something cheap that differs after every move of an alias and every publication, in any scope."""
    told: list[object] = []
    for scope in scopes_present(settings):
        folder = registry_folder(settings, scope) / "versions"
        published = folder.stat().st_mtime_ns if folder.is_dir() else 0
        told.append((str(scope), registry_of(settings, scope).token(), published))
    return tuple(told)
