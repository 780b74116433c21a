"""When a cycle is due, and what it says it waits for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.cycles.cycle import Cycle
from service.cycles.plan import planned, wanted_scopes
from service.cycles.tally import Base, Counted
from service.scopes import SHARED, Scope
from service.settings import Settings

ENOUGH = Counted(200, 5)
NOW = 10_000.0


def settings(**changes: Any) -> Settings:
    return Settings(home=Path("/nowhere"), **changes)


def cycle(state: Any, created_at: float = 0.0, name: str = "cycle_1") -> Cycle:
    return Cycle(name, "shared", state, "schedule", created_at)


def test_it_is_due_when_every_floor_is_reached() -> None:
    plan = planned(SHARED, settings(), ENOUGH, None, (), None, NOW)

    assert plan.due
    assert plan.told == "due: 200 judgements of 5 voters, 200 of them new"


@pytest.mark.parametrize(
    ("counted", "base", "changes", "told"),
    [
        (Counted(38, 4), None, {}, "waiting: 38 of 200 judgements; 4 of 5 voters; 38 of 100 new ones"),
        (Counted(0, 0), None, {}, "waiting: 0 of 200 judgements; 0 of 5 voters; 0 of 100 new ones"),
        (Counted(262, 9), Base("1-0", 250, 230), {}, "waiting: 12 of 100 new ones"),
        (ENOUGH, None, {"learn": False}, "waiting: learning on a schedule is switched off"),
        (Counted(1_500, 9), None, {"train_min_judgements": 2_000}, "waiting: 1,500 of 2,000 judgements"),
    ],
)
def test_it_says_what_it_waits_for(counted: Counted, base: Base | None, changes: Any, told: str) -> None:
    plan = planned(SHARED, settings(**changes), counted, base, (), None, NOW)

    assert not plan.due
    assert plan.told == told


def test_only_the_floors_of_the_data_are_beyond_an_operator() -> None:
    plan = planned(SHARED, settings(), Counted(150, 9), Base("1-0", 140, 140), (), None, NOW)

    assert plan.missing == ("150 of 200 judgements",)
    assert plan.waiting == ("10 of 100 new ones",)


def test_the_last_snapshot_corrects_the_estimate() -> None:
    plan = planned(SHARED, settings(), Counted(300, 9), Base("1-0", 200, 90), (), None, NOW)

    assert (plan.judgements, plan.new) == (190, 100)  # of 200 counted, 90 could be used


def test_withdrawals_never_make_the_new_ones_negative() -> None:
    assert planned(SHARED, settings(), Counted(180, 9), Base("1-0", 200, 200), (), None, NOW).new == 0


def test_an_unfinished_cycle_and_a_trial_hold_it_up() -> None:
    running = planned(SHARED, settings(), ENOUGH, None, (cycle("running"),), None, NOW)
    trial = planned(SHARED, settings(), ENOUGH, None, (cycle("candidate"),), "v000001", NOW)

    assert (running.due, running.unfinished, running.blocked) == (False, "cycle_1", "cycle cycle_1 is running")
    assert (trial.due, trial.unfinished, trial.blocked) == (False, "", "version v000001 is on trial")


@pytest.mark.parametrize(
    ("history", "not_before"),
    [
        ((), None),
        ((cycle("refused", 9_500.0),), 10_100.0),
        ((cycle("promoted", 9_500.0), cycle("failed")), 10_100.0),
        ((cycle("failed", 9_000.0), cycle("refused")), 10_200.0),
        ((cycle("failed", 9_000.0), cycle("failed"), cycle("refused")), 11_400.0),
        (tuple(cycle("failed", 9_000.0) for _ in range(12)), 9_000.0 + 86_400.0),
    ],
)
def test_cycles_keep_their_distance_and_more_after_failures(
    history: tuple[Cycle, ...], not_before: float | None
) -> None:
    plan = planned(SHARED, settings(), ENOUGH, None, history, None, NOW)

    assert plan.not_before == not_before
    assert plan.due == (not_before is None or not_before <= NOW)


def test_scopes_of_their_own_are_asked_for() -> None:
    counts = {"shared": ENOUGH, "segment:en": Counted(50, 2), "segment:de": Counted(70, 2), "collection:vs_1": ENOUGH}
    readers = {"vs_1": frozenset({"group:hr"}), "vs_2": frozenset({"*"})}

    assert wanted_scopes(settings(), counts, readers) == (SHARED,)
    both = wanted_scopes(settings(learn_segments=("*",), learn_collections=("vs_1", "vs_2", "vs_3")), counts, readers)
    assert both == (SHARED, Scope("segment", "de"), Scope("segment", "en"), Scope("collection", "vs_1"))
    assert wanted_scopes(settings(learn_segments=("en",)), counts, readers) == (SHARED, Scope("segment", "en"))
