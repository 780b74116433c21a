"""Statistics against brute force, scipy and scikit-learn; intervals by how often they hold the truth."""

from __future__ import annotations

import json
import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.statistics import (
    Estimate,
    auc,
    bootstrap,
    brier,
    ece,
    fit_temperature,
    mean_estimate,
    paired_difference,
    rate,
    slope,
    unknown,
    win_rate,
    wins,
)
from training.statistics.quantiles import student_quantile

RNG = np.random.default_rng


def logistic(values: np.ndarray) -> np.ndarray:
    """Give the sigmoid."""
    chances: np.ndarray = 1 / (1 + np.exp(-values))
    return chances


# --- estimates ---


def test_an_estimate_survives_json_whatever_is_not_known() -> None:
    for estimate in (Estimate(0.5, 0.4, 0.6, 10, 5), unknown(1, 1, value=0.5)):
        assert Estimate.from_dict(json.loads(json.dumps(estimate.as_dict(), allow_nan=False))) == estimate
    nothing = Estimate.from_dict(json.loads(json.dumps(unknown(0, 0).as_dict(), allow_nan=False)))
    assert math.isnan(nothing.value)
    assert (nothing.low, nothing.high) == (-math.inf, math.inf)


# --- means and intervals ---


def test_the_bootstrap_is_that_of_every_possible_resample() -> None:
    """Four clusters of sizes 1, 2, 3, 1: the ends are quantiles of all 256 means, at Student's level for 3 degrees.

    For a half: t = 0.7649 x sqrt(4 / 3) = 0.8832, a normal tail of 0.1886.
    """
    values = np.array([0.0, 4, 6, 1, 2, 3, 9])
    clusters = np.array([0, 1, 1, 2, 2, 2, 3])
    rows = [np.flatnonzero(clusters == cluster) for cluster in range(4)]
    every = [values[np.concatenate([rows[i] for i in chosen])].mean() for chosen in product(range(4), repeat=4)]
    found = mean_estimate(values, clusters, bounds=None, confidence=0.5, draws=20_000)
    low, high = np.quantile(every, [0.1886, 1 - 0.1886])
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(low, abs=0.1)
    assert found.high == pytest.approx(high, abs=0.1)


def test_few_clusters_without_variation_give_the_interval_of_clopper_and_pearson() -> None:
    beta = pytest.importorskip("scipy.stats").beta
    for n in (1, 5, 20, 100):
        found = mean_estimate([1.0] * n)
        assert found.method == "bounded"
        assert found.high == 1.0
        assert found.low == pytest.approx(beta.ppf(0.025, n, 1), abs=0.01)
    for k, n in ((3, 10), (17, 20), (1, 25)):
        found = mean_estimate([1.0] * k + [0.0] * (n - k))
        assert found.low == pytest.approx(beta.ppf(0.025, k, n - k + 1), abs=0.01)
        assert found.high == pytest.approx(beta.ppf(0.975, k + 1, n - k), abs=0.01)


def test_equal_figures_are_not_proof_of_equality() -> None:
    """400 pairs without a difference: within 1 %, since more would have shown; 4 pairs prove nothing."""
    many, few = paired_difference([1.0] * 400, [1.0] * 400), paired_difference([1.0] * 4, [1.0] * 4)
    assert many.value == few.value == 0
    assert -0.01 < many.low < 0 < many.high < 0.01
    assert few.low < -0.5
    assert few.high > 0.5


def test_a_single_voter_says_nothing_that_bounds_do_not() -> None:
    one = mean_estimate([2.0, 3.0, 4.0], ["anna"] * 3, bounds=None)
    assert one == unknown(3, 1, value=3.0)
    assert mean_estimate([0.9, 0.8, 1.0], ["anna"] * 3).low < 0.1
    constant = mean_estimate([2.0] * 50, bounds=None)
    assert (constant.low, constant.high) == (-math.inf, math.inf)
    assert math.isnan(mean_estimate([]).value)


def test_repeats_of_a_voter_add_no_certainty() -> None:
    """40 voters; each vote told ten times over. The interval stays; without clusters it would shrink to a third."""
    votes = RNG(0).normal(size=40)
    once = mean_estimate(votes, bounds=None)
    told = mean_estimate(np.repeat(votes, 10), np.repeat(np.arange(40), 10), bounds=None)
    blind = mean_estimate(np.repeat(votes, 10), bounds=None)
    assert told.clusters == 40
    assert told.high - told.low == pytest.approx(once.high - once.low, rel=1e-9)
    assert blind.high - blind.low < 0.4 * (once.high - once.low)


def test_weights_count() -> None:
    """(1 x 1 + 3 x 0) / 4; a cluster without weight is not there."""
    found = mean_estimate([1.0, 0.0, 1.0], ["a", "b", "c"], weights=[1.0, 3.0, 0.0])
    assert (found.value, found.n, found.clusters) == (0.25, 2, 2)


def test_the_seed_is_all_the_luck_there_is() -> None:
    values = RNG(1).random(50)
    assert mean_estimate(values, seed=3) == mean_estimate(values, seed=3)
    assert mean_estimate(values, seed=3) != mean_estimate(values, seed=4)


def test_a_win_counts_one_and_a_tie_a_half() -> None:
    assert wins([1.0, 0.5, 0.2, 0.3], [0.5, 0.5, 0.4, 0.31], tie=0.02).tolist() == [1.0, 0.5, 0.0, 0.5]
    found = win_rate(wins([3, 2, 1], [1, 2, 3]))
    assert found.value == 0.5
    assert 0 <= found.low < 0.5 < found.high <= 1


def test_a_difference_is_that_of_its_parts_and_turns_with_them() -> None:
    one, other = RNG(0).random(60), RNG(1).random(60)
    forward, backward = paired_difference(one, other), paired_difference(other, one)
    assert forward.value == pytest.approx(float((one - other).mean()))
    assert forward.low == pytest.approx(-backward.high)
    assert forward.high == pytest.approx(-backward.low)


@pytest.mark.parametrize(
    ("values", "clusters", "weights", "message"),
    [
        ([1.0, math.nan], None, None, "finite"),
        ([1.5], None, None, "bounds"),
        ([1.0, 0.0], ["a"], None, "2 observations, 1 clusters"),
        ([1.0], None, [-1.0], "not negative"),
        ([1.0], None, [1.0, 1.0], "one length"),
    ],
)
def test_what_cannot_be_averaged_is_refused(
    values: list[float], clusters: list[str] | None, weights: list[float] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        mean_estimate(values, clusters, weights=weights)


def covered(kind: str, n_clusters: int, runs: int = 200) -> float:
    """Give how often a 95 % interval holds the truth, observations of a cluster going together."""
    held = 0
    for run in range(runs):
        rng = RNG(run)
        sizes = rng.integers(1, 8, n_clusters)
        clusters = np.repeat(np.arange(n_clusters), sizes)
        if kind == "rate":
            chance = rng.beta(4, 1, n_clusters)  # truth 0.8
            found = mean_estimate((rng.random(sizes.sum()) < chance[clusters]).astype(float), clusters, draws=500)
            held += found.low <= 0.8 <= found.high
        else:
            level = rng.normal(0, 1, n_clusters)
            values = level[clusters] + rng.normal(0, 1, sizes.sum())
            found = mean_estimate(values, clusters, bounds=None, draws=500)
            held += found.low <= 0.0 <= found.high
    return held / runs


@pytest.mark.parametrize(("kind", "n_clusters"), [("rate", 8), ("rate", 60), ("mean", 12), ("mean", 60)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(kind: str, n_clusters: int) -> None:
    """Of 200 intervals at 95 %; 91 % is two and a half standard errors below."""
    assert covered(kind, n_clusters) >= 0.91


def test_the_score_interval_is_that_of_scipy() -> None:
    binomial = pytest.importorskip("scipy.stats").binomtest
    for k, n in ((0, 10), (3, 10), (10, 10), (480, 1000)):
        found, theirs = rate(k, n), binomial(k, n).proportion_ci(method="wilson")
        assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))
    with pytest.raises(ValueError, match="11 successes of 10"):
        rate(11, 10)
    assert rate(0, 0).method == "none"


def test_quantiles_are_those_of_scipy() -> None:
    student = pytest.importorskip("scipy.stats").t
    for df in (1, 2, 3, 5, 10, 29, 200):
        for p in (0.005, 0.025, 0.05, 0.5, 0.975):
            assert student_quantile(p, df) == pytest.approx(student.ppf(p, df), rel=0.02, abs=1e-9)
    with pytest.raises(ValueError, match="at least 1"):
        student_quantile(0.5, 0)


# --- anything, slopes ---


def test_the_general_bootstrap_agrees_with_that_of_means() -> None:
    values, clusters = RNG(0).normal(size=120), RNG(1).integers(40, size=120)
    general = bootstrap(lambda rows: float(values[rows].mean()), 120, clusters, draws=2000)
    special = mean_estimate(values, clusters, bounds=None)
    assert general.value == pytest.approx(special.value)
    assert general.low == pytest.approx(special.low, abs=0.05)
    assert general.high == pytest.approx(special.high, abs=0.05)


def test_a_figure_that_most_resamples_cannot_give_has_no_interval() -> None:
    assert bootstrap(lambda _: math.nan, 10).method == "none"
    assert bootstrap(lambda rows: 1.0 if len(set(rows)) == 10 else math.nan, 10).method == "none"
    assert bootstrap(lambda rows: 7.0, 10).low == -math.inf


def test_the_slope_is_that_of_least_squares() -> None:
    rng = RNG(0)
    x = rng.normal(1000, 3, 200)
    y = 2 * x + rng.normal(0, 5, 200)
    found = slope(x, y)
    assert found.value == pytest.approx(np.polyfit(x - 1000, y, 1)[0])
    assert found.low < 2 < found.high
    theirs = pytest.importorskip("scipy.stats").linregress(x, y)
    assert (found.high - found.low) / 2 == pytest.approx(1.97 * theirs.stderr, rel=0.2)


def test_there_is_no_slope_over_what_does_not_vary() -> None:
    flat = slope([5.0, 5.0, 5.0], [1.0, 2.0, 3.0])
    assert math.isnan(flat.value)
    assert flat.method == "none"
    with pytest.raises(ValueError, match=r"\(1,\) x"):
        slope([1.0], [1.0, 2.0])


# --- calibration ---

chances = st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=2, max_size=40)


@given(pairs=chances)
@settings(deadline=None)
def test_auc_is_the_share_of_pairs_in_order(pairs: list[tuple[int, bool]]) -> None:
    scores, labels = [score / 10 for score, _ in pairs], [label for _, label in pairs]
    found = auc(scores, labels)
    above = [score for score, label in zip(scores, labels, strict=True) if label]
    below = [score for score, label in zip(scores, labels, strict=True) if not label]
    if not above or not below:
        assert math.isnan(found)
        return
    by_hand = np.mean([1.0 if a > b else 0.5 if a == b else 0.0 for a in above for b in below])
    assert found == pytest.approx(by_hand)


def test_auc_and_brier_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    scores = RNG(0).random(300).round(2)
    labels = RNG(1).random(300) < scores
    assert auc(scores, labels) == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert brier(scores, labels) == pytest.approx(metrics.brier_score_loss(labels, scores))


def test_calibration_error_by_hand() -> None:
    """Two bins. [0, .5]: chances .2 and .4, one true: |.6 - 1| = .4. (.5, 1]: .9 and .7, both true: |1.6 - 2| = .4.

    Over 4 observations: .8 / 4 = .2. With bins of equal mass the parts are the same.
    """
    values, labels = [0.2, 0.9, 0.4, 0.7], [True, True, False, True]
    assert ece(values, labels, bins=2) == pytest.approx(0.2)
    assert ece(values, labels, bins=2, equal_mass=True) == pytest.approx(0.2)
    assert brier(values, labels) == pytest.approx((0.64 + 0.01 + 0.16 + 0.09) / 4)
    assert ece([0.0, 1.0], [False, True]) == 0.0
    assert math.isnan(ece([], []))
    with pytest.raises(ValueError, match="within"):
        ece([1.2], [True])


def test_calibration_error_is_that_of_a_plain_loop() -> None:
    values = RNG(0).random(500)
    labels = RNG(1).random(500) < values**2
    by_hand = 0.0
    for low in np.arange(15) / 15:
        inside = (values > low) & (values <= low + 1 / 15) if low else values <= 1 / 15
        if inside.any():
            by_hand += inside.mean() * abs(values[inside].mean() - labels[inside].mean())
    assert ece(values, labels) == pytest.approx(by_hand)


def test_the_temperature_is_the_one_the_labels_were_made_at() -> None:
    logits = RNG(0).normal(0, 4, 20_000)
    for truth in (0.5, 1.0, 3.0):
        labels = RNG(1).random(20_000) < logistic(logits / truth)
        found = fit_temperature(logits, labels)
        assert found == pytest.approx(truth, rel=0.05)

        def loss(t: float, labels: np.ndarray = labels) -> float:
            chance = logistic(logits / t)
            return float(-np.mean(np.where(labels, np.log(chance), np.log1p(-chance))))

        assert loss(found) <= min(loss(found * 0.99), loss(found * 1.01))


def test_temperatures_stay_within_bounds() -> None:
    assert fit_temperature([-1.0, 1.0], [False, True]) == 0.05  # separated
    assert fit_temperature([-1.0, 1.0], [True, False]) == 20.0  # the wrong way round
    assert fit_temperature([], []) == 1.0
    assert fit_temperature([0.0, 0.0], [True, False]) == 1.0
    assert fit_temperature([1e4, -1e4, 1e4], [True, False, False]) == 20.0
    with pytest.raises(ValueError, match=r"\(1,\) scores"):
        fit_temperature([1.0], [True, False])
