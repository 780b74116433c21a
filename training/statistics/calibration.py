"""How well chances and scores fit what happened: AUC, Brier score, calibration error, temperature."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_COLDEST, _HOTTEST = 0.05, 20.0


def auc(scores: Sequence[float] | Floats, labels: Sequence[bool] | npt.NDArray[np.generic]) -> float:
    """Give the chance that a positive is scored above a negative, ties counted as half (Mann and Whitney 1947).

    Args:
        scores: N scores, higher for positives.
        labels: N of true or false.

    Returns:
        In [0, 1]; NaN where there is only one kind.

    Raises:
        ValueError: If lengths differ.
    """
    values, truth = _pair(scores, labels)
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return math.nan
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[inverse]  # average rank of each run of ties, from 1
    return float((ranks[truth > 0].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def brier(chances: Sequence[float] | Floats, labels: Sequence[bool] | npt.NDArray[np.generic]) -> float:
    """Give the mean squared error of chances (Brier 1950).

    Args:
        chances: N chances in [0, 1].
        labels: N of true or false, or observed frequencies.

    Returns:
        In [0, 1], lower is better; NaN without observations.

    Raises:
        ValueError: If lengths differ.
    """
    values, truth = _pair(chances, labels)
    return float(np.mean((values - truth) ** 2)) if len(values) else math.nan


def ece(
    chances: Sequence[float] | Floats,
    labels: Sequence[bool] | npt.NDArray[np.generic],
    bins: int = 15,
    *,
    equal_mass: bool = False,
) -> float:
    """Give the expected calibration error: mean of |mean chance - frequency| over bins, weighted by their counts.

    Bins of equal width are the published definition (Guo et al. 2017, arXiv 1706.04599, Eq. 3). Bins of equal mass
    (Nixon et al. 2019, arXiv 1904.01685) leave none nearly empty. Both are above 0 for a perfectly calibrated model:
    with k observations a bin by about 0.8 sqrt(p (1 - p) / k), so few observations want few bins.

    Args:
        chances: N chances of a positive in [0, 1].
        labels: N of true or false, or observed frequencies.
        bins: How many.
        equal_mass: Whether bins hold equal counts instead of being equally wide.

    Returns:
        In [0, 1], lower is better; NaN without observations.

    Raises:
        ValueError: If lengths differ, or a chance is outside [0, 1].
    """
    values, truth = _pair(chances, labels)
    if not len(values):
        return math.nan
    if values.min() < 0 or values.max() > 1:
        raise ValueError("chances must lie within [0, 1]")
    if equal_mass:
        order = np.argsort(values, kind="stable")
        parts = [part for part in np.array_split(order, bins) if len(part)]
        gaps = [abs(float(values[part].sum() - truth[part].sum())) for part in parts]
        return sum(gaps) / len(values)
    edges = np.linspace(0, 1, bins + 1)[1:-1]
    place = np.searchsorted(edges, values, side="left")  # bins are open on the left, as published
    gap = np.bincount(place, weights=values - truth, minlength=bins)
    return float(np.abs(gap).sum() / len(values))


def fit_temperature(
    logits: Sequence[float] | Floats,
    labels: Sequence[bool] | npt.NDArray[np.generic],
    *,
    weights: Sequence[float] | Floats | None = None,
) -> float:
    """Find T that makes sigmoid(logit / T) fit best (Guo et al. 2017, arXiv 1706.04599, section 4.2).

    The log-loss is convex in 1 / T, so its slope is bisected; no order of scores changes.

    Args:
        logits: N logits, nats.
        labels: N of true or false, or observed frequencies.
        weights: N weights, not negative; None for ones.

    Returns:
        T in [0.05, 20]: the lower end where the labels are separated, the upper where the logits say nothing, or the
            opposite; 1
        without observations.

    Raises:
        ValueError: If lengths differ.
    """
    values, truth = _pair(logits, labels)
    mass = np.ones_like(values) if weights is None else np.asarray(weights, dtype=np.float64)
    if mass.shape != values.shape:
        raise ValueError(f"{len(values)} logits, {mass.shape} weights")
    if not (mass * np.abs(values)).any():
        return 1.0

    def rising(inverse: float) -> bool:
        chance = 0.5 * (1 + np.tanh(0.5 * inverse * values))  # a sigmoid that does not overflow
        return float((mass * (chance - truth) * values).sum()) > 0

    low, high = 1 / _HOTTEST, 1 / _COLDEST
    if rising(low):
        return _HOTTEST
    if not rising(high):
        return _COLDEST
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if rising(middle) else (middle, high)
    return 1 / math.sqrt(low * high)


def _pair(scores: Sequence[float] | Floats, labels: Sequence[bool] | npt.NDArray[np.generic]) -> tuple[Floats, Floats]:
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if values.ndim != 1 or values.shape != truth.shape:
        raise ValueError(f"{values.shape} scores, {truth.shape} labels")
    return values, truth
