"""What a person does with cycles: find one, start one now, end one; fails with errors that say what would be right."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from service.cycles import store
from service.cycles.cycle import Cycle
from service.cycles.errors import CycleNotFound, CycleOver, CycleUnfinished, NoSuchScope, NotDue
from service.cycles.readers import access_lists
from service.cycles.schedule import look, start
from service.redis.calls import ask_async
from service.scopes import Readers, Scope, is_open

if TYPE_CHECKING:
    from service.container import Container


async def find_cycle(parts: Container, cycle_id: str) -> Cycle:
    """Give a cycle.

    Args:
        parts: Of this process.
        cycle_id: Its id.

    Returns:
        The cycle.

    Raises:
        CycleNotFound: There is none.
    """
    cycle = await ask_async(parts.redis, store.get(cycle_id))
    if cycle is None:
        raise CycleNotFound(cycle_id)
    return cycle


async def start_now(parts: Container, scope_name: str, *, force: bool) -> Cycle:
    """Start a cycle without waiting for the schedule; a worker takes it up within seconds.

    Args:
        parts: Of this process.
        scope_name: What it is to learn for.
        force: Although there is little new, or the last one was a moment ago.

    Returns:
        The cycle.

    Raises:
        NoSuchScope: Nothing is learned for that.
        CycleUnfinished: The scope has one that waits or runs.
        NotDue: A floor is not reached.
    """
    scope, readers = parse_scope(scope_name), await asyncio.to_thread(access_lists, parts.catalog)
    _check_scope(scope, readers)
    (plan,) = (await look(parts.redis, parts.settings, readers, only=scope)).scopes
    if plan.unfinished:
        raise CycleUnfinished(plan.unfinished)
    if plan.missing or plan.blocked or (plan.waiting and not force):
        raise NotDue(plan)
    created = await start(parts.redis, plan, "operator")
    if not created.new:
        raise CycleUnfinished(created.id)
    parts.enqueue_training()
    return await find_cycle(parts, created.id)


async def cancel(parts: Container, cycle_id: str, by: str) -> Cycle:
    """Ask for a cycle's end: at once where nobody works on it, else within seconds.

    Args:
        parts: Of this process.
        cycle_id: Its id.
        by: Who wants it.

    Returns:
        The cycle as it is now.

    Raises:
        CycleNotFound: There is none.
        CycleOver: It has ended.
    """
    outcome = await ask_async(parts.redis, store.request_cancel(cycle_id, f"cancelled by {by}"))
    if outcome == "missing":
        raise CycleNotFound(cycle_id)
    cycle = await find_cycle(parts, cycle_id)
    if outcome == "over":
        raise CycleOver(cycle_id, cycle.state)
    return cycle


def parse_scope(text: str) -> Scope:
    """Read the name of a scope; `NoSuchScope` says what would be one."""
    try:
        return Scope.parse(text)
    except ValueError as error:
        raise NoSuchScope(str(error)) from None


def _check_scope(scope: Scope, readers: Readers) -> None:
    if scope.kind != "collection":
        return
    if scope.name not in readers:
        raise NoSuchScope(f"there is no vector store {scope.name!r}")
    if is_open(scope.name, readers):
        raise NoSuchScope(f"everybody may read {scope.name!r}, so it teaches the shared adapter: `shared`")
