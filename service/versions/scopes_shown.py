"""What serves each scope, and the moves that led to it: the part of `GET /v1/versions` that explains. Blocking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.scopes import SHARED, Scope, scopes_present
from service.versions.schemas import ScopeOut
from service.versions.standing import registry_of
from service.versions.views import move_out
from training.registry.aliases import CANDIDATE, CHAMPION

if TYPE_CHECKING:
    from service.settings import Settings

MOST_MOVES = 100


def list_scopes(settings: Settings, scope: Scope | None = None) -> list[ScopeOut]:
    """Describe what serves.

    Args:
        settings: Where the registries are.
        scope: Only this one.

    Returns:
        One for each scope that has a registry, and the shared one.
    """
    return [_scope(settings, one) for one in scopes_present(settings) if scope in (None, one)]


def _scope(settings: Settings, scope: Scope) -> ScopeOut:
    registry = registry_of(settings, scope)
    state = registry.aliases()
    # Without a champion of its own a segment or collection is served what serves everybody.
    last = registry.base if scope == SHARED else registry_of(settings, SHARED).alias(CHAMPION) or registry.base
    served = (*state.champions, last)
    return ScopeOut(
        scope=str(scope),
        sequence=state.sequence,
        champion=served[0],
        candidate=state.others.get(CANDIDATE),
        before=served[1] if len(served) > 1 else None,
        moves=[move_out(move) for move in reversed(state.moves[-MOST_MOVES:])],
    )
