"""The chance of a yes-or-no judgement under label noise: what pairs and votes have in common."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from training.losses.reduce import exact, same_shape


def binary_nll(
    logit: Tensor, target: Tensor, *, margin: Tensor | None = None, label_smoothing: float = 0.0, flip_rate: float = 0.0
) -> Tensor:
    """Give -t log p - (1 - t) log(1 - p), with p a sigmoid of the logit, two ways of doubting the label allowed.

    *Label smoothing* s replaces t by s + (1 - 2s) t. The gradient is sigmoid(z) - t': it turns round once the model is
    surer than 1 - s, which bounds how far an example pulls, yet every wrong label still pulls with full force.

    *Flip rate* e replaces p by e + (1 - 2e) sigmoid(z): the likelihood of a label that was flipped with chance e.
    Where the model is sure that the label is wrong, the gradient goes to zero instead of to one, so confident
    predictions are not bent to fit flipped labels; where it is sure that the label is right, the gradient vanishes as
    it does without noise. The price: the loss is not convex, and the start matters.

    Args:
        logit: `(N,)`, nats.
        target: `(N,)`, chance of yes in [0, 1]; 0.5 says nothing is preferred.
        margin: `(N,)`, by how much (nats) either side must win; None for zero.
        label_smoothing: s, in [0, 0.5).
        flip_rate: e, in [0, 0.5).

    Returns:
        `(N,)`, nats.

    Raises:
        ValueError: If shapes differ or a rate is outside [0, 0.5).
    """
    for name, rate in (("label_smoothing", label_smoothing), ("flip_rate", flip_rate)):
        if not 0.0 <= rate < 0.5:
            raise ValueError(f"{name} must be in [0, 0.5), not {rate}")
    logit = exact(logit)
    target = target.to(logit.dtype)
    same_shape(logit=logit, target=target)
    if label_smoothing:
        target = label_smoothing + (1 - 2 * label_smoothing) * target
    yes, no = (logit, -logit) if margin is None else (logit - margin, -logit - margin)
    return -target * _log_chance(yes, flip_rate) - (1 - target) * _log_chance(no, flip_rate)


def _log_chance(logit: Tensor, flip_rate: float) -> Tensor:
    """Give log(e + (1 - 2e) sigmoid(z)) = log((1 - e) sigmoid(z) + e sigmoid(-z)), exact for logits of any size."""
    if flip_rate == 0.0:
        return F.logsigmoid(logit)
    kept = F.logsigmoid(logit) + math.log1p(-flip_rate)
    flipped = F.logsigmoid(-logit) + math.log(flip_rate)
    return torch.logaddexp(kept, flipped)
