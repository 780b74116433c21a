"""All examinations, in the order in which a person would fix them."""

from __future__ import annotations

from collections.abc import Callable

from service.doctor import disk, machine, parts
from service.doctor.finding import Finding
from service.settings import Settings

EXAMINATIONS: tuple[Callable[[Settings], Finding], ...] = (
    machine.python,
    machine.packages,
    machine.weights,
    machine.open_files,
    machine.clock,
    disk.home,
    disk.space,
    disk.fsync,
    parts.redis_binary,
    parts.redis_durability,
    parts.port,
    parts.schedule,
)


def examine(settings: Settings) -> list[Finding]:
    """Look at everything. Nothing is changed, and nothing needs to run."""
    return [_safely(look, settings) for look in EXAMINATIONS]


def _safely(look: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return look(settings)
    except Exception as error:  # one examination that breaks must not hide the others
        return Finding(
            look.__name__.replace("_", " "), "problem", f"could not be examined: {type(error).__name__}: {error}"
        )
