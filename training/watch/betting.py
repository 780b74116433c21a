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

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.watch.payoffs import Payoff

STAKES = (0.2, 0.4)  # about what pays best for effects that noisy voters can show, and against what is clearly worse
VOTER_STAKE = 0.9
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bets:
    """Payoffs as columns, so that many bets on them are quick."""

    voters: int
    voter: npt.NDArray[np.intp]  # (n,)
    value: Floats  # (n,)
    bound: Floats  # (n,)
    scale: Floats  # (n,)

    @classmethod
    def of(cls, payoffs: Sequence[Payoff]) -> Bets:
        """Take payoffs in the order in which they came."""
        names, voter = np.unique(np.array([one.voter for one in payoffs], np.str_), return_inverse=True)
        columns = [(one.value, one.bound, one.scale) for one in payoffs]
        value, bound, scale = np.array(columns, float).reshape(-1, 3).T
        return cls(len(names), voter, value, bound, scale)

    def __len__(self) -> int:
        """Give the number of payoffs."""
        return len(self.value)

    @property
    def net(self) -> float:
        """Estimate the net share won: all payoffs over what they would pay if the candidate always won."""
        return float(self.value.sum() / self.scale.sum()) if len(self) else math.nan

    def log_wealth(self, net: float = 0.0, *, above: bool = True, stakes: Sequence[float] = STAKES) -> float:
        """Give the natural logarithm of the wealth of somebody who bets that the net share won is above a figure.

        Args:
            net: The figure.
            above: False to bet that it is below.
            stakes: Bet side by side, each below 1.

        Returns:
            The logarithm of an e-value of the opposite; 0 without payoffs.
        """
        if not len(self):
            return 0.0
        value = (self.value - net * self.scale) * (1.0 if above else -1.0)
        bound = self.bound + np.abs(net * self.scale)
        wealth = [self._wealth(stake / np.maximum(bound, 1.0), value, bound) for stake in stakes]
        return float(np.logaddexp.reduce(wealth) - np.log(len(wealth)))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Give the net shares that no bet rules out, at any time, to two digits; half of alpha is for each end."""
        needed, steps = math.log(2.0 / alpha), 200
        low = _first(lambda at: self.log_wealth(2 * at / steps - 1) < needed, steps)
        high = _first(lambda at: self.log_wealth(1 - 2 * at / steps, above=False) < needed, steps)
        ends = 2 * low / steps - 1, 1 - 2 * high / steps
        return round(min(ends), 2), round(max(ends), 2)

    def _wealth(self, own: Floats, value: Floats, bound: Floats) -> float:
        counted = self._risked_before(own * bound) + own * bound <= VOTER_STAKE + 1e-9
        gains = np.bincount(self.voter, weights=np.where(counted, own * value, 0.0), minlength=self.voters)
        return float(np.log1p(gains).sum())

    def _risked_before(self, risk: Floats) -> Floats:
        """Give for each bet what was at risk on the same voter before it."""
        order = np.argsort(self.voter, kind="stable")
        running = np.cumsum(risk[order])
        first = np.flatnonzero(np.diff(self.voter[order], prepend=-1))
        offset = np.repeat(running[first] - risk[order][first], np.diff(np.append(first, len(order))))
        before = np.empty(len(order))
        before[order] = running - risk[order] - offset
        return before


def _first(holds: Callable[[int], bool], n: int) -> int:
    """Give the first of n places where a monotone condition holds; n where it never does."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
