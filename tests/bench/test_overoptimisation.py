"""What the benchmark of over-optimisation computes from draws and curves."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from bench import overoptimisation
from bench.overoptimisation import SIZES, Point, average, best_of
from training.updates.bestofn import best_of_n_kl


def test_best_of_n_is_the_average_over_all_subsets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overoptimisation, "SIZES", (1, 2, 3, 6))
    rng = np.random.default_rng(0)
    rewards, gold = rng.normal(size=(2, 6)), rng.random((2, 6))
    for n, point in zip((1, 2, 3, 6), best_of(rewards, gold), strict=True):
        picked = [
            (question, max(subset, key=lambda place, row=question: rewards[row, place]))  # type: ignore[misc]
            for question in range(2)
            for subset in combinations(range(6), n)
        ]
        assert point.proxy == pytest.approx(np.mean([rewards[where] for where in picked]))
        assert point.gold == pytest.approx(np.mean([gold[where] for where in picked]))
        assert point.kl == best_of_n_kl(n)


def test_equal_rewards_gain_nothing() -> None:
    gold = np.random.default_rng(1).random((3, SIZES[-1]))
    points = best_of(np.zeros_like(gold), gold)
    assert points[0].gold == pytest.approx(gold.mean())
    assert {point.proxy for point in points} == {0.0}


def test_a_curve_that_ends_early_stays_where_it_ended() -> None:
    start, end = Point(0.0, 0.0, 0.5, 10.0), Point(1.0, 2.0, 1.0, 20.0)
    assert average([[start, end], [start]]) == [start, Point(0.5, 1.0, 0.75, 15.0)]
