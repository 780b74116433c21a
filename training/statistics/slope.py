"""Slope of one figure over another, such as reward over length."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.statistics.bootstrap import bootstrap
from training.statistics.estimate import Estimate
from training.statistics.resampling import Clusters, Floats


def slope(
    x: Sequence[float] | Floats,
    y: Sequence[float] | Floats,
    clusters: Clusters | None = None,
    *,
    confidence: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Estimate b of y = a + b x by least squares, clusters drawn as wholes.

    Args:
        x: N figures.
        y: N figures.
        clusters: Whom each comes from; None if they are independent.
        confidence: Two-sided.
        draws: Resamples.
        seed: Of the resamples.

    Returns:
        Units of y for one unit of x; NaN and no interval where x does not vary.

    Raises:
        ValueError: If lengths differ.
    """
    across, up = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if across.ndim != 1 or across.shape != up.shape:
        raise ValueError(f"{across.shape} x, {up.shape} y")

    def of(rows: npt.NDArray[np.intp]) -> float:
        moved = across[rows] - across[rows].mean()
        spread = float(moved @ moved)
        if spread <= 1e-24 * max(1.0, float(np.abs(across[rows]).max()) ** 2):
            return math.nan
        return float(moved @ (up[rows] - up[rows].mean())) / spread

    return bootstrap(of, len(across), clusters, confidence=confidence, draws=draws, seed=seed)
