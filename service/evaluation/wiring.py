"""What a runner needs, out of the container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.evaluation.asking import asker
from service.evaluation.runner import Runner, World
from service.evaluation.runs import RunStore
from service.scopes import SHARED, Scope

if TYPE_CHECKING:
    from service.container import Container


def open_runner(container: Container, store: RunStore) -> Runner:
    """Give the runner of a process; it does nothing before it is started."""

    def scope_of(version: str) -> Scope:
        from service.versions.standing import names_present

        loaded = container.policies.present.find(version)
        if loaded is not None:
            return loaded.scope
        known = names_present(container.settings).get(version)
        return SHARED if known is None else known.scope  # of one that is gone the chat says so

    world = World(
        ask=asker(container.chat),
        ready=lambda: container.loaded and not container.draining,
        quiet=lambda: container.chat.quiet,
        serving=lambda: container.policies.present.arms[SHARED].champion.version,
        scope_of=scope_of,
    )
    return Runner(store, container.settings.home / "run", world)
