"""Score interval of a plain rate."""

from __future__ import annotations

import math

from training.statistics.estimate import Estimate, unknown
from training.statistics.quantiles import normal_quantile


def rate(successes: int, n: int, *, confidence: float = 0.95) -> Estimate:
    """Estimate a rate from independent trials (Wilson 1927): sensible for small n and at 0 and n successes.

    Args:
        successes: How many.
        n: Of how many.
        confidence: Two-sided.

    Returns:
        The rate with its interval; nothing is claimed of no trials.

    Raises:
        ValueError: If there are more successes than trials, or fewer than none.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}")
    if not n:
        return unknown(0, 0, confidence=confidence)
    z = normal_quantile(0.5 + confidence / 2)
    p = successes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else middle - half
    high = 1.0 if successes == n else middle + half
    return Estimate(p, low, high, n, n, "score", confidence)
