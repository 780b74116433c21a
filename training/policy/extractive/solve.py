"""The two convex problems behind the prior, solved to the end: conditional logit and weighted logistic regression, both
with L2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

Array = npt.NDArray[np.float32]
L2 = 1e-3


@dataclass(frozen=True)
class Group:
    """Alternatives of which one is chosen; several may be right."""

    rows: Array  # (n, d)
    gold: npt.NDArray[np.bool_]  # (n,)
    weight: float
    offset: Array | None = None  # (n,) fixed part of the scores


def choose_weights(groups: Sequence[Group]) -> Array:
    """Fit `(d,)` weights that maximise the probability of choosing any right alternative; groups with nothing to learn
    from are left out.
    """
    import torch

    useful = [group for group in groups if group.gold.any() and not group.gold.all()]
    width = max(len(group.gold) for group in useful)
    rows = np.zeros((len(useful), width, useful[0].rows.shape[1]), np.float32)
    offsets = np.full((len(useful), width), -np.inf, np.float32)
    right = np.zeros((len(useful), width), np.bool_)
    for at, group in enumerate(useful):
        count = len(group.gold)
        rows[at, :count], right[at, :count] = group.rows, group.gold
        offsets[at, :count] = 0.0 if group.offset is None else group.offset
    features, fixed, wanted = torch.from_numpy(rows), torch.from_numpy(offsets), torch.from_numpy(right)
    share = torch.tensor([group.weight for group in useful])
    share = share / share.sum()

    def loss(weights: Tensor) -> Tensor:
        scores = features @ weights + fixed
        likelihood = scores.masked_fill(~wanted, -torch.inf).logsumexp(1) - scores.logsumexp(1)
        return -(share * likelihood).sum() + L2 * weights.square().sum()

    return _minimise(loss, features.shape[-1])


def decide_weights(rows: Array, labels: Array, weights: Array) -> Array:
    """Fit `(d,)` weights of a logistic regression of `(n,)` labels on `(n, d)` rows."""
    import torch

    features, wanted = torch.from_numpy(rows), torch.from_numpy(labels)
    share = torch.from_numpy(weights / weights.sum())

    def loss(solution: Tensor) -> Tensor:
        odds = features @ solution
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(odds, wanted, reduction="none")
        return (share * entropy).sum() + 0.1 * L2 * solution.square().sum()

    return _minimise(loss, rows.shape[1])


def _minimise(loss: Callable[[Tensor], Tensor], size: int) -> Array:
    import torch

    weights = torch.zeros(size, requires_grad=True)
    solver = torch.optim.LBFGS([weights], max_iter=500, line_search_fn="strong_wolfe")

    def closure() -> float:
        solver.zero_grad()
        value = loss(weights)
        value.backward()  # type: ignore[no-untyped-call]
        return float(value.detach())

    solver.step(closure)  # type: ignore[no-untyped-call]
    found: Array = weights.detach().numpy()
    return found
