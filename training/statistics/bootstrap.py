"""Means, differences and win rates with intervals that respect who the observations come from.

Observations of one voter (or one question) are not independent, so whole clusters are drawn, not observations (Miller
2024, arXiv 2411.00640: standard errors that ignore clusters were up to three times too small). Everything is seeded:
the same data in the same order give the same interval.

Which interval:

    bootstrap  Percentiles of the cluster bootstrap, widened to Student's quantile since plain ones are too narrow with
               few clusters ("expanded" percentiles: Hesterberg 2015, arXiv 1411.5279).
    bounded    Where the quantity has bounds and the data hardly vary: fewer than 30 clusters, or fewer than 10 that
               differ from the most common value. A bootstrap of constant data has no width at all, yet 20 of 20 is no
               proof of 100 %. One imaginary cluster is put at the lower bound for the lower end, at the upper bound
               for the upper end, and clusters get random (Dirichlet) weights. For n of n successes the ends are
               those of Clopper and Pearson: (alpha / 2)^(1/n) and 1.
    none       One cluster, or constant data, without bounds: nothing is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from training.statistics.estimate import Estimate, unknown
from training.statistics.resampling import CELLS, Clusters, Floats, group, percentiles, resamples

Bounds = tuple[float, float]

_TAIL_DRAWS = 20_000
_FEW_CLUSTERS = 30
_FEW_DEVIANTS = 10


def mean_estimate(
    values: Sequence[float] | Floats,
    clusters: Clusters | None = None,
    *,
    weights: Sequence[float] | Floats | None = None,
    bounds: Bounds | None = (0.0, 1.0),
    confidence: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Estimate a mean.

    Args:
        values: N observations.
        clusters: Whom each comes from; None if they are independent.
        weights: N weights, not negative, such as inverse propensities; None for ones.
        bounds: Lowest and highest value there can be; None where there is no such thing.
        confidence: Two-sided; 0.9 gives the ends of one-sided 95 % bounds.
        draws: Resamples.
        seed: Of the resamples.

    Returns:
        Weighted mean over observations, with its interval; NaN and no interval without observations.

    Raises:
        ValueError: If lengths differ, a value is not finite or out of bounds, or a weight is negative.
    """
    data = np.asarray(values, dtype=np.float64)
    mass = np.ones_like(data) if weights is None else np.asarray(weights, dtype=np.float64)
    _check(data, mass, bounds)
    groups, n_groups = group(clusters, len(data))
    sizes: Floats = np.bincount(groups, weights=mass, minlength=n_groups).astype(np.float64)
    sums: Floats = np.bincount(groups, weights=mass * data, minlength=n_groups).astype(np.float64)
    sums, sizes = sums[sizes > 0], sizes[sizes > 0]
    n, count = int((mass > 0).sum()), len(sizes)
    if not count:
        return unknown(n, count, confidence=confidence)
    value = float(sums.sum() / sizes.sum())
    common = np.unique(np.round(sums / sizes, 12), return_counts=True)[1].max()
    deviants = count - int(common)
    if bounds is not None and (count < _FEW_CLUSTERS or deviants < _FEW_DEVIANTS):
        low, high = _bounded(sums, sizes, bounds, 1 - confidence, draws, seed)
        return Estimate(value, min(low, value), max(high, value), n, count, "bounded", confidence)
    if count < 2 or deviants == 0:
        return unknown(n, count, value=value, confidence=confidence)
    drawn = np.concatenate([chosen @ sums / (chosen @ sizes) for chosen in resamples(count, draws, seed)])
    low, high = percentiles(drawn, count, 1 - confidence)
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    return Estimate(value, low, high, n, count, "bootstrap", confidence)


def paired_difference(
    candidate: Sequence[float] | Floats,
    champion: Sequence[float] | Floats,
    clusters: Clusters | None = None,
    *,
    weights: Sequence[float] | Floats | None = None,
    bounds: Bounds | None = (-1.0, 1.0),
    confidence: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Estimate the mean of candidate - champion over the same items.

    Args:
        candidate: N figures of the candidate.
        champion: N figures of the champion, item by item.
        clusters: Whom each item comes from; None if they are independent.
        weights: N weights; None for ones.
        bounds: Of the difference. As it stands, for figures from 0 to 1; None for unbounded ones, such as rewards or
            lengths.
        confidence: Two-sided.
        draws: Resamples.
        seed: Of the resamples.

    Returns:
        Mean difference; above 0 the candidate is better.

    Raises:
        ValueError: If lengths differ, a difference is not finite or out of bounds, or a weight is negative.
    """
    better, worse = np.asarray(candidate, dtype=np.float64), np.asarray(champion, dtype=np.float64)
    if better.shape != worse.shape:
        raise ValueError(f"{better.shape} figures of the candidate, {worse.shape} of the champion")
    return mean_estimate(
        better - worse, clusters, weights=weights, bounds=bounds, confidence=confidence, draws=draws, seed=seed
    )


def wins(candidate: Sequence[float] | Floats, champion: Sequence[float] | Floats, *, tie: float = 0.0) -> Floats:
    """Turn paired figures into wins of the candidate.

    Args:
        candidate: N figures.
        champion: N figures.
        tie: Differences up to this size are ties.

    Returns:
        `(N,)`: 1 for a win, 0.5 for a tie, 0 for a loss.
    """
    difference = np.asarray(candidate, dtype=np.float64) - np.asarray(champion, dtype=np.float64)
    return np.where(np.abs(difference) <= tie, 0.5, (difference > 0).astype(np.float64))


def win_rate(
    outcomes: Sequence[float] | Floats,
    clusters: Clusters | None = None,
    *,
    weights: Sequence[float] | Floats | None = None,
    confidence: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Estimate how often the candidate wins, a tie counted as half a win.

    Args:
        outcomes: 1 for a win, 0.5 for a tie, 0 for a loss (`wins`), or a judge's chance that the candidate is better.
        clusters: Whom each comes from; None if they are independent.
        weights: N weights; None for ones.
        confidence: Two-sided.
        draws: Resamples.
        seed: Of the resamples.

    Returns:
        Win rate in [0, 1]; above a half the candidate is better.

    Raises:
        ValueError: If lengths differ, an outcome is outside [0, 1], or a weight is negative.
    """
    return mean_estimate(
        outcomes, clusters, weights=weights, bounds=(0.0, 1.0), confidence=confidence, draws=draws, seed=seed
    )


def bootstrap(
    statistic: Callable[[npt.NDArray[np.intp]], float],
    n: int,
    clusters: Clusters | None = None,
    *,
    confidence: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Estimate anything that can be computed from a selection of the observations.

    Args:
        statistic: Takes row numbers (with repeats) and gives the figure; NaN where it cannot, and such draws are left
            out.
        n: Number of observations.
        clusters: Whom each comes from; None if they are independent.
        confidence: Two-sided.
        draws: Resamples.
        seed: Of the resamples.

    Returns:
        The figure on all rows with its interval; no interval with fewer than two clusters, where the draws do not
            vary, or where more than half of them
        gave nothing.

    Raises:
        ValueError: If there are not n clusters.
    """
    groups, count = group(clusters, n)
    value = float(statistic(np.arange(n))) if n else math.nan
    if count < 2 or math.isnan(value):
        return unknown(n, count, value=value, confidence=confidence)
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(groups, minlength=count))[:-1])
    rng = np.random.default_rng(seed)
    drawn = np.array(
        [statistic(np.concatenate([members[i] for i in rng.integers(count, size=count)])) for _ in range(draws)]
    )
    drawn = drawn[~np.isnan(drawn)]
    if len(drawn) < draws / 2 or np.ptp(drawn) == 0:
        return unknown(n, count, value=value, confidence=confidence)
    low, high = percentiles(drawn, count, 1 - confidence)
    return Estimate(value, low, high, n, count, "bootstrap", confidence)


def _bounded(sums: Floats, sizes: Floats, bounds: Bounds, alpha: float, draws: int, seed: int) -> tuple[float, float]:
    """Give the ends with one imaginary cluster of average size at the bound, clusters weighted by Dirichlet(1, ...,
    1)."""
    rng = np.random.default_rng(seed)
    count = len(sizes)
    at_once = max(1, CELLS // (count + 1))
    draws = max(draws, min(_TAIL_DRAWS, at_once))  # cheap with few clusters, and the tail needs them
    size = float(sizes.mean())
    lows, highs = [], []
    for start in range(0, draws, at_once):
        shares = rng.standard_exponential((min(at_once, draws - start), count + 1))
        imaginary = shares[:, 0] * size
        total, mass = shares[:, 1:] @ sums, shares[:, 1:] @ sizes + imaginary
        lows.append((total + imaginary * bounds[0]) / mass)
        highs.append((total + imaginary * bounds[1]) / mass)
    low = float(np.quantile(np.concatenate(lows), alpha / 2))
    high = float(np.quantile(np.concatenate(highs), 1 - alpha / 2))
    return max(low, bounds[0]), min(high, bounds[1])


def _check(data: Floats, mass: Floats, bounds: Bounds | None) -> None:
    if data.ndim != 1 or mass.shape != data.shape:
        raise ValueError(f"values {data.shape} and weights {mass.shape} must be two lists of one length")
    if not np.isfinite(data).all():
        raise ValueError("values must be finite")
    if not np.isfinite(mass).all() or (mass < 0).any():
        raise ValueError("weights must be finite and not negative")
    slack = 1e-9
    if bounds is not None and len(data) and (data.min() < bounds[0] - slack or data.max() > bounds[1] + slack):
        raise ValueError(
            f"values from {data.min():g} to {data.max():g} do not lie within {bounds}; give their bounds, or None"
        )
