"""A champion whose live votes turn against it."""

from __future__ import annotations

import random

from training.watch.probation import Judged, decide_probation


def fails(rate: float, seed: int, n: int = 200) -> bool:
    rng = random.Random(seed)
    said = [Judged(f"v{rng.randrange(150)}", rng.random() < rate) for _ in range(n)]
    return any(
        found is not None and found.failed
        for upto in range(10, n + 1, 10)
        if (found := decide_probation((110, 200), said[:upto]))
    )


def test_votes_that_fall_from_55_to_30_percent_end_it_within_200() -> None:
    assert sum(fails(0.30, seed) for seed in range(40)) >= 38


def test_votes_as_before_do_not_end_it_however_often_one_looks() -> None:
    assert sum(fails(0.55, seed) for seed in range(40)) <= 2


def test_without_a_rate_to_compare_with_nothing_is_said() -> None:
    assert decide_probation((20, 40), [Judged("v", False)]) is None
    found = decide_probation((30, 60), [])
    assert found is not None
    assert (found.failed, found.log_e) == (False, 0.0)
    assert found.reason == "nobody judged it yet, before it 50 % of 60 were"
