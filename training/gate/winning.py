"""The win rate by a learned judge, with an interval that knows the judge was learned.

A reward model errs alike on every prompt, for its weights are the same everywhere: more prompts do not average that
out, and a bootstrap over prompts alone is far too sure. So two sources of doubt are added:

    prompts   which prompts happened to be held out: cluster-robust variance of the mean (Liang and Zeger 1986; Miller
              2024, arXiv 2411.00640, Eq. 4), whole voters counted as one observation each
    judge     which judgements the judge happened to learn from: variance of the win rate among its heads. Each head is
              fitted to its own bootstrap of the judgements, so it is one draw of what the judge might have been. All
              come from the same judgements, so their mean is hardly surer than one of them: s^2 (1 + 1 / H) and not
              s^2 / H

The interval is Student's on the log-odds of the win rate, where a judge's error does not shrink towards the ends, with
the degrees of freedom of the sum (Satterthwaite 1946).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.statistics import Estimate, unknown
from training.statistics.quantiles import student_quantile

Floats = npt.NDArray[np.float64]
_EDGE = 1e-6


def judged_win_rate(margins: Floats, clusters: Sequence[str], *, confidence: float = 0.95) -> Estimate:
    """Estimate the chance that the judge prefers the candidate's answer.

    Args:
        margins: `(N, H)` reward of the candidate's answer less that of the champion's, calibrated logits, one column
            for each head of the judge. Prompts whose answers are the same do not belong here.
        clusters: Whom or what each prompt comes from.
        confidence: Two-sided.

    Returns:
        Mean chance over prompts and heads; nothing is claimed with fewer than two clusters or two heads.

    Raises:
        ValueError: If margins are not two-dimensional or not finite, or there are not N clusters.
    """
    if margins.ndim != 2 or len(margins) != len(clusters):
        raise ValueError(f"margins {margins.shape} and {len(clusters)} clusters: (N, H) and N")
    if not np.isfinite(margins).all():
        raise ValueError("the judge gave rewards that are not finite")
    n, heads = margins.shape
    names, place = np.unique(np.asarray(clusters, dtype=np.str_), return_inverse=True)
    if not n or not heads:
        return unknown(n, len(names), confidence=confidence)
    chances = 0.5 * (1.0 + np.tanh(0.5 * margins))  # (N, H), a sigmoid that does not overflow
    value = float(chances.mean())
    if len(names) < 2 or heads < 2:
        return unknown(n, len(names), value=value, confidence=confidence)
    rates = np.clip(chances.mean(axis=0), _EDGE, 1.0 - _EDGE)  # (H,)
    odds = np.log(rates / (1.0 - rates))
    centre = float(odds.mean())
    sums = np.bincount(place, weights=chances.mean(axis=1) - value, minlength=len(names))
    prompts = float(sums @ sums) * len(names) / (len(names) - 1) / n**2
    prompts /= max(value * (1.0 - value), _EDGE) ** 2  # of the log-odds: delta method
    judge = float(odds.var(ddof=1)) * (1.0 + 1.0 / heads)
    if prompts + judge <= 0.0:
        return unknown(n, len(names), value=value, confidence=confidence)
    df = (prompts + judge) ** 2 / (prompts**2 / (len(names) - 1) + judge**2 / (heads - 1))
    half = student_quantile(0.5 + confidence / 2, max(int(df), 1)) * math.sqrt(prompts + judge)
    low, high = _sigmoid(centre - half), _sigmoid(centre + half)
    return Estimate(value, min(low, value), max(high, value), n, len(names), "prompts and judge", confidence)


def _sigmoid(odds: float) -> float:
    return 0.5 * (1.0 + math.tanh(0.5 * odds))
