"""Evidence that may be looked at after every vote: the wealth of somebody who bets against the null hypothesis.

While the null hypothesis holds, no bet is profitable on average, so wealth that began at 1 reaches 1 / alpha with
probability alpha at most, however often it is looked at (Ville's inequality; Waudby-Smith and Ramdas 2023, arXiv
2010.09686; Ramdas, Gruenwald, Vovk and Shafer 2023, arXiv 2210.01948). Several stakes are bet side by side and their
wealth is averaged: whatever the size of the effect, one of them fits.

Voters are the clusters. Stakes on one voter are added, those on different voters multiplied: a voter who always prefers
the same side multiplies the wealth once by (1 + all stakes on them) and not once a vote. Nobody's votes are bet on with
more than `VOTER_STAKE` in all, so no single voter moves the wealth by more than a factor of 1.9.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from training.watch.payoffs import Payoff

STAKES = (0.2, 0.4)  # about what pays best for effects that noisy voters can show, and against what is clearly worse
VOTER_STAKE = 0.9
Floats = npt.NDArray[np.float64]


def log_wealth(payoffs: Sequence[Payoff], *, stakes: Sequence[float] = STAKES) -> float:
    """Give the natural logarithm of the wealth after all payoffs: an e-value of "on average these pay nothing".

    Args:
        payoffs: In the order in which they came.
        stakes: Bet side by side, each below 1.

    Returns:
        The logarithm; 0 without payoffs.
    """
    if not payoffs:
        return 0.0
    names, voter = np.unique(np.array([one.voter for one in payoffs], np.str_), return_inverse=True)
    value = np.array([one.value for one in payoffs])
    bound = np.array([one.bound for one in payoffs])
    wealth = [_of_stake(stake / np.maximum(bound, 1.0), len(names), voter, value, bound) for stake in stakes]
    return float(np.logaddexp.reduce(wealth) - np.log(len(wealth)))


def interval(payoffs: Sequence[Payoff], *, alpha: float) -> tuple[float, float]:
    """Give the net shares that the bets do not rule out, at any time.

    Args:
        payoffs: In the order in which they came.
        alpha: Half of it is for each end.

    Returns:
        Least and greatest net share, in [-1, 1], to two digits.
    """
    low, high = -1.0, 1.0
    needed = np.log(2.0 / alpha)
    grid = np.linspace(-1.0, 1.0, 201)
    first, last = 0, len(grid) - 1
    if payoffs:
        first = _first(lambda at: _wealth_above(payoffs, grid[at]) < needed, len(grid))
        last = len(grid) - 1 - _first(lambda at: _wealth_below(payoffs, grid[-1 - at]) < needed, len(grid))
        low, high = float(grid[min(first, len(grid) - 1)]), float(grid[max(last, 0)])
    return round(low, 2), round(max(low, high), 2)


def _wealth_above(payoffs: Sequence[Payoff], net: float) -> float:
    return log_wealth([one.against(net) for one in payoffs])


def _wealth_below(payoffs: Sequence[Payoff], net: float) -> float:
    return log_wealth([one.against(net).turned for one in payoffs])


def _first(holds: Callable[[int], bool], n: int) -> int:
    """Give the first of n places where a monotone condition holds; n where it never does."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _of_stake(own: Floats, voters: int, voter: npt.NDArray[np.intp], value: Floats, bound: Floats) -> float:
    counted = _before(voter, own * bound) + own * bound <= VOTER_STAKE + 1e-9
    gains = np.bincount(voter, weights=np.where(counted, own * value, 0.0), minlength=voters)
    return float(np.log1p(gains).sum())


def _before(voter: npt.NDArray[np.intp], risk: Floats) -> Floats:
    """Give for each bet what was at risk on the same voter before it."""
    order = np.argsort(voter, kind="stable")
    running = np.cumsum(risk[order])
    first = np.flatnonzero(np.diff(voter[order], prepend=-1))
    offset = np.repeat(running[first] - risk[order][first], np.diff(np.append(first, len(voter))))
    before = np.empty(len(voter))
    before[order] = running - risk[order] - offset
    return before
