"""Quantiles of the normal and of Student's distribution, without a library of distributions."""

from __future__ import annotations

import math
from statistics import NormalDist

_NORMAL = NormalDist()


def normal_quantile(p: float) -> float:
    """Give z with P(Z <= z) = p, for p in (0, 1)."""
    return _NORMAL.inv_cdf(p)


def normal_cdf(z: float) -> float:
    """Give P(Z <= z)."""
    return _NORMAL.cdf(z)


def student_quantile(p: float, df: int) -> float:
    """Give t with P(T <= t) = p.

    Exact for one and two degrees of freedom; beyond, the Cornish-Fisher expansion in 1 / df (Abramowitz and Stegun
    1964, 26.7.5), which is within 1 % at 3 degrees for the usual levels and better above.

    Args:
        p: Probability in (0, 1).
        df: Degrees of freedom, at least 1.

    Returns:
        The quantile.

    Raises:
        ValueError: If df is less than 1.
    """
    if df < 1:
        raise ValueError(f"degrees of freedom must be at least 1, not {df}")
    if df == 1:
        return math.tan(math.pi * (p - 0.5))
    if df == 2:
        return (2 * p - 1) / math.sqrt(2 * p * (1 - p))
    z = normal_quantile(p)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / float(df) ** power for power, term in enumerate(terms, 1))
