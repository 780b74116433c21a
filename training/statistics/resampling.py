"""Drawing whole clusters with replacement, and what the draws say."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.statistics.quantiles import normal_cdf, student_quantile

Floats = npt.NDArray[np.float64]
Clusters = Sequence[str] | Sequence[int] | npt.NDArray[np.generic]

CELLS = 4_000_000  # draws x clusters held at once: 32 MB


def group(clusters: Clusters | None, n: int) -> tuple[npt.NDArray[np.intp], int]:
    """Number the clusters.

    Args:
        clusters: N names, or None if each observation stands alone.
        n: Number of observations.

    Returns:
        `(N,)` numbers from 0, and how many there are.

    Raises:
        ValueError: If there are not n names.
    """
    if clusters is None:
        return np.arange(n), n
    if len(clusters) != n:
        raise ValueError(f"{n} observations, {len(clusters)} clusters")
    names, groups = np.unique(np.asarray(clusters), return_inverse=True)
    return groups, len(names)


def resamples(count: int, draws: int, seed: int) -> list[Floats]:
    """Draw clusters with replacement.

    Args:
        count: Clusters there are.
        draws: Resamples.
        seed: Of the resamples.

    Returns:
        How often each cluster is drawn, `(draws, count)` in parts of bounded size.
    """
    rng = np.random.default_rng(seed)
    at_once = max(1, CELLS // count)
    shares = np.full(count, 1 / count)
    return [
        rng.multinomial(count, shares, size=min(at_once, draws - start)).astype(np.float64)
        for start in range(0, draws, at_once)
    ]


def percentiles(drawn: Floats, clusters: int, alpha: float) -> tuple[float, float]:
    """Give the ends of the expanded percentile interval.

    Args:
        drawn: The figure in each resample.
        clusters: Clusters there are, at least 2.
        alpha: Chance of missing, both ends together.

    Returns:
        Low and high.
    """
    widened = normal_cdf(student_quantile(alpha / 2, clusters - 1) * math.sqrt(clusters / (clusters - 1)))
    low, high = np.quantile(drawn, [widened, 1 - widened])
    return float(low), float(high)
