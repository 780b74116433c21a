"""Make the scores mean what they say: one temperature for all judgements, and the bias of a typical vote.

Temperature scaling (Guo et al. 2017, arXiv 1706.04599, section 4.2) on judgements that the heads were not fitted on.
Voters keep a leniency here too: where mild voters met the bad answers, votes alone would call a good model useless.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.losses import bradley_terry, shrink, vote_logistic
from training.reward.config import RewardConfig
from training.reward.judgements import Judgements

Floats = npt.NDArray[np.float64]
ENOUGH = 50  # judgements; below that a temperature would be fitted to noise
_COLDEST, _HOTTEST = 0.05, 20.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """Scores are reward / temperature + bias."""

    temperature: float
    bias: float
    fitted_on: str  # "calibration split", "other folds", or "nothing"
    judgements: int

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return asdict(self)


def calibrate(
    rewards: Floats, position: float, found: Judgements, config: RewardConfig, *, fitted_on: str
) -> Calibration:
    """Fit temperature and bias.

    Args:
        rewards: `(N,)` mean over the heads, without any bias.
        position: Advantage of the first place as fitted, in the same units.
        found: Judgements about those answers.
        config: How alike voters are.
        fitted_on: What the judgements are, for the record.

    Returns:
        The calibration; temperature 1 where there is too little to fit it.
    """
    size = len(found.first) + len(found.answer)
    inverse, bias = _fit(rewards, position, found, config, fixed=size < ENOUGH)
    temperature = 1.0 / min(max(inverse, 1 / _HOTTEST), 1 / _COLDEST)
    return Calibration(temperature, bias, fitted_on if size >= ENOUGH else "nothing", size)


def _fit(
    rewards: Floats, position: float, found: Judgements, config: RewardConfig, *, fixed: bool
) -> tuple[float, float]:
    """Give 1 / temperature and bias of the best fit; convex in both, and in the leniencies."""
    names = sorted(set(found.vote_voter))
    place = {name: at for at, name in enumerate(names)}
    voter = torch.tensor([place[name] for name in found.vote_voter], dtype=torch.int64)
    table, total = torch.from_numpy(rewards), max(found.weight, 1e-9)
    first, second, judged = (table[torch.from_numpy(rows)] for rows in (found.first, found.second, found.answer))
    inverse = torch.ones((), dtype=torch.float64, requires_grad=not fixed)
    bias = torch.zeros((), dtype=torch.float64, requires_grad=True)
    leniency = torch.zeros(len(names), dtype=torch.float64, requires_grad=True)
    unknown = [bias, leniency] if fixed else [inverse, bias, leniency]
    solver = torch.optim.LBFGS(unknown, max_iter=100, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        pairs = bradley_terry(
            inverse * first,
            inverse * second,
            torch.from_numpy(found.target),
            position=inverse * position * torch.from_numpy(found.ordered),
            weights=torch.from_numpy(found.pair_weight),
            total=total,
        )
        votes = vote_logistic(
            inverse * judged,
            torch.from_numpy(found.up),
            leniency=leniency[voter],
            bias=bias,
            weights=torch.from_numpy(found.vote_weight),
            total=total,
        )
        loss = pairs + votes + shrink(leniency, config.voter_precision, total=total)
        loss = loss + shrink(bias, 0.01, total=total)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(closure)  # type: ignore[no-untyped-call]
    return float(inverse.detach()), float(bias.detach())
