"""The one way a batch becomes a scalar, and the sums over actions every loss starts from.

Every loss of this package is a weighted mean: sum(w l) / total, where total is the sum of the weights. `total` may be
given instead, because a mean of means is not the mean: with gradient accumulation or several processes, the batches
of one optimiser step have different sums of weights. Give each the sum over the whole step, divided by the number of
processes when gradients are averaged over processes (as DDP does), and add the losses up.

Half-precision inputs are computed in float32. Non-finite inputs are not hidden: they give a non-finite loss.
"""

from __future__ import annotations

import torch
from torch import Tensor

Total = Tensor | float | None


def weighted_mean(values: Tensor, weights: Tensor | None = None, *, total: Total = None) -> Tensor:
    """Average, weighted.

    Args:
        values: `(N,)` or `(N, T)`.
        weights: Same shape, not negative; None for ones.
        total: What to divide by; None for the sum of the weights.

    Returns:
        Scalar; 0 with zero gradient where nothing has weight, or there is nothing.
    """
    if weights is None:
        weights = torch.ones_like(values)
    else:
        same_shape(values=values, weights=weights)
        weights = weights.to(values.dtype)
    divisor = weights.sum() if total is None else torch.as_tensor(total, dtype=values.dtype, device=values.device)
    divisor = torch.where(divisor > 0, divisor, torch.ones_like(divisor))
    return (weights * values).sum() / divisor


def sequence_sum(logprobs: Tensor, mask: Tensor) -> Tensor:
    """Give the log-probability of each answer.

    Args:
        logprobs: `(N, T)`, nats; whatever stands under a false mask does not count, not even NaN.
        mask: `(N, T)` bool, true for real actions.

    Returns:
        `(N,)`, nats; 0 for an answer without actions.
    """
    same_shape(logprobs=logprobs, mask=mask)
    logprobs = exact(logprobs)
    return torch.where(mask, logprobs, torch.zeros_like(logprobs)).sum(dim=-1)


def sequence_lengths(mask: Tensor) -> Tensor:
    """Count the real actions of each answer.

    Args:
        mask: `(N, T)` bool.

    Returns:
        `(N,)` int64.
    """
    return mask.sum(dim=-1)


def sequence_mean(logprobs: Tensor, mask: Tensor) -> Tensor:
    """Give the log-probability per action of each answer.

    Args:
        logprobs: `(N, T)`, nats.
        mask: `(N, T)` bool.

    Returns:
        `(N,)`, nats per action; 0 for an answer without actions.
    """
    return sequence_sum(logprobs, mask) / sequence_lengths(mask).clamp(min=1)


def exact(values: Tensor) -> Tensor:
    """Give float32 for anything of less precision, booleans and integers included; float64 stays."""
    return values if values.dtype in (torch.float32, torch.float64) else values.float()


def same_shape(**tensors: Tensor) -> None:
    """Refuse what would silently broadcast.

    Args:
        **tensors: By the name the caller knows them by.

    Raises:
        ValueError: If two have different shapes.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError("shapes differ: " + ", ".join(f"{name} {shape}" for name, shape in shapes.items()))
