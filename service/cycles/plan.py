"""When the next cycle of each scope is due, and what it waits for until then. Readable without starting anything.

Floors: enough judgements, enough of them new since the scope's last snapshot, enough voters, enough time since its last
cycle; a candidate on trial and an unfinished cycle hold the next one up. A cycle that failed makes the next one wait
twice as long, then twice that, at most a day. `training` counts again, exactly, what the snapshot really carries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.cycles.cycle import Cycle
from service.cycles.tally import Base, Counted
from service.scopes import SHARED, Readers, Scope, is_open
from service.settings import Settings
from training.updates.choose import Floors

LONGEST_WAIT_S = 86_400.0
ALL = "*"
MOST_SEGMENTS = 100


@dataclass(frozen=True, slots=True)
class Planned:
    """The next cycle of one scope."""

    scope: Scope
    judgements: int  # of the scope's own, an estimate
    judgements_needed: int
    new: int  # of them since the last snapshot
    new_needed: int
    voters: int
    voters_needed: int
    missing: tuple[str, ...] = ()  # the floors of the data that are not reached: nothing overrides them
    waiting: tuple[str, ...] = ()  # what else it waits for: an operator may start it all the same
    off: bool = False  # nothing starts on a schedule
    blocked: str = ""  # an unfinished cycle, or a candidate on trial
    unfinished: str = ""  # id of that cycle
    not_before: float | None = None  # seconds since the epoch, by Redis's clock

    @property
    def due(self) -> bool:
        """Tell whether a schedule starts it now."""
        return not (self.missing or self.waiting or self.blocked or self.off)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Give everything that it waits for."""
        off = "learning on a schedule is switched off" if self.off else ""
        return tuple(one for one in (*self.missing, *self.waiting, self.blocked, off) if one)

    @property
    def told(self) -> str:
        """Say it in a line."""
        if not self.due:
            return "waiting: " + "; ".join(self.reasons)
        return f"due: {self.carries}"

    @property
    def carries(self) -> str:
        """Say what there is to learn from."""
        return f"{self.judgements:,} judgements of {self.voters:,} voters, {self.new:,} of them new"


def wanted_scopes(settings: Settings, counts: Mapping[str, Counted], readers: Readers) -> tuple[Scope, ...]:
    """Give the scopes that may get an adapter of their own, the shared one first.

    Args:
        settings: Name segments and collections.
        counts: What was counted, by scope.
        readers: Access lists of all collections.

    Returns:
        The scopes; of segments at most a hundred, those with most judgements.
    """
    parsed = [Scope.parse(name) for name in counts]
    segments = sorted(
        (one for one in parsed if one.kind == "segment" and {one.name, ALL} & set(settings.learn_segments)),
        key=lambda one: (-counts[str(one)].judgements, one.name),
    )
    collections = (
        Scope("collection", one) for one in settings.learn_collections if one in readers and not is_open(one, readers)
    )
    return (SHARED, *segments[:MOST_SEGMENTS], *collections)


def planned(
    scope: Scope,
    settings: Settings,
    counted: Counted,
    base: Base | None,
    history: Sequence[Cycle],
    on_trial: str | None,
    now: float,
) -> Planned:
    """Say when the next cycle of a scope is due.

    Args:
        scope: What it is for.
        settings: The floors.
        counted: Judgements of the scope so far.
        base: What its last snapshot found; None before the first one.
        history: Its cycles, the newest first.
        on_trial: The candidate that live votes decide on, if there is one.
        now: Redis's time in seconds since the epoch.

    Returns:
        The plan.
    """
    new = counted.judgements if base is None else max(0, counted.judgements - base.counted)
    judgements = counted.judgements if base is None else base.records + new
    voters, voters_needed = counted.voters, Floors().voters
    missing, waiting = [], []
    if judgements < settings.train_min_judgements:
        missing.append(f"{judgements:,} of {settings.train_min_judgements:,} judgements")
    if voters < voters_needed:
        missing.append(f"{voters:,} of {voters_needed:,} voters")
    if new < settings.train_min_new:
        waiting.append(f"{new:,} of {settings.train_min_new:,} new ones")
    not_before = _not_before(history, settings)
    if not_before is not None and now < not_before:
        waiting.append(f"{not_before - now:,.0f} s until the next one may start")
    running = next((one for one in history if not one.finished), None)
    blocked = f"version {on_trial} is on trial" if on_trial else ""
    return Planned(
        scope=scope,
        judgements=judgements,
        judgements_needed=settings.train_min_judgements,
        new=new,
        new_needed=settings.train_min_new,
        voters=voters,
        voters_needed=voters_needed,
        missing=tuple(missing),
        waiting=tuple(waiting),
        off=not settings.learn,
        blocked=blocked if running is None else f"cycle {running.id} is {running.state}",
        unfinished="" if running is None else running.id,
        not_before=not_before,
    )


def _not_before(history: Sequence[Cycle], settings: Settings) -> float | None:
    """Give when the next cycle may start: an interval after the last one, doubled for each failure in a row."""
    done = [one for one in history if one.finished]
    if not done:
        return None
    failures = 0
    for one in done:
        if one.state != "failed":
            break
        failures += 1
    pause_s = settings.train_min_interval_s
    if failures and pause_s < LONGEST_WAIT_S:
        pause_s = min(pause_s * 2.0 ** min(failures, 30), LONGEST_WAIT_S)
    return done[0].created_at + pause_s
