"""Everything that serves at one moment, and who is answered by what. Immutable; routing is a pure function of it.

The share of a candidate is sticky: a person's place is a hash of the candidate's name and of the person's, so it is the
same in every process and at every moment of one trial, and another one in the next trial.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from service.scopes import SHARED, Scope
from service.versions.served import Loaded, Role, Served


@dataclass(frozen=True)
class Arms:
    """What serves in one scope."""

    champion: Loaded
    candidate: Loaded | None = None
    sequence: int = 0  # of the aliases that said so


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The arms of each scope, the shared one among them, and by version what else may be pinned."""

    arms: Mapping[Scope, Arms]
    pins: Mapping[str, Loaded] = field(default_factory=dict)
    share: float = 0.0  # of users whom a candidate answers

    def __post_init__(self) -> None:
        """Freeze the mappings."""
        object.__setattr__(self, "arms", MappingProxyType(dict(self.arms)))
        object.__setattr__(self, "pins", MappingProxyType(dict(self.pins)))

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Give the scopes, other than the shared one, that have a champion or a candidate of their own."""
        return tuple(scope for scope in self.arms if scope != SHARED)

    @property
    def loaded(self) -> tuple[Loaded, ...]:
        """Give every version in it once: shared champion first, then the other arms, then the pins."""
        arms = [self.arms[SHARED], *(arm for scope, arm in self.arms.items() if scope != SHARED)]
        every = [one for arm in arms for one in (arm.champion, arm.candidate) if one is not None]
        return tuple({id(one): one for one in (*every, *self.pins.values())}.values())

    def find(self, version: str) -> Loaded | None:
        """Give a loaded version by its name; None where it is not loaded."""
        return next((one for one in self.loaded if one.version == version), None)

    def route(self, identity: str, scope: Scope = SHARED) -> Served:
        """Give what answers this person in this scope; in one without arms, what answers everybody."""
        arms = self.arms.get(scope)
        if arms is None:
            scope, arms = SHARED, self.arms[SHARED]
        if arms.candidate is not None and in_share(arms.candidate.version, identity, self.share):
            return _served(arms, arms.candidate, "candidate", self.share, scope)
        propensity = 1.0 if arms.candidate is None else 1.0 - self.share
        return _served(arms, arms.champion, "champion", propensity, scope)

    def rivals(self, scope: Scope = SHARED) -> tuple[Served, Served] | None:
        """Give champion and candidate of a scope, as a pair shows both; None where nothing is on trial."""
        arms = self.arms.get(scope)
        if arms is None:
            scope, arms = SHARED, self.arms[SHARED]
        if arms.candidate is None:
            return None
        champion = _served(arms, arms.champion, "champion", 1.0 - self.share, scope)
        return champion, _served(arms, arms.candidate, "candidate", self.share, scope)

    def pinned(self, version: str, scope: Scope = SHARED) -> Served | None:
        """Give the version of this name; None where it is not loaded, or belongs to a scope that is not this one."""
        loaded = self.find(version)
        if loaded is None or loaded.scope not in (SHARED, scope):
            return None
        found = loaded.policy, loaded.questions, loaded.version
        return Served(*found, "pinned", 1.0, loaded.scope, best_of=loaded.best_of)


def in_share(candidate: str, identity: str, share: float) -> bool:
    """Tell whether a candidate answers a person.

    Args:
        candidate: Its version.
        identity: Who asks.
        share: Of all people, from 0 to 1.

    Returns:
        The same for the same three, in every process.
    """
    digest = hashlib.sha256(f"{candidate}\0{identity}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def _served(arms: Arms, one: Loaded, role: Role, propensity: float, scope: Scope) -> Served:
    trial = arms.candidate.version if arms.candidate else None
    return Served(one.policy, one.questions, one.version, role, propensity, scope, trial, one.best_of)
