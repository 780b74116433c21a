"""How far the policy has moved from a reference: estimators from samples, and the exact divergence.

All are of KL(policy || reference) in nats, from answers drawn from the policy (Schulman 2020,
http://joschu.net/blog/kl-approx.html). With log r = log ref - log policy:

    k1 = -log r             unbiased; can be negative; high variance
    k2 = (log r)^2 / 2      biased a little, never negative, low variance
    k3 = r - 1 - log r      unbiased, never negative, low variance; heavy tail where ref is far above

As a *loss* they differ more than as a figure. Differentiated at its own samples, k2 gives the gradient of the KL;
k1's has mean zero (it is the score itself) and k3's that of the reversed KL. To penalise: k2 as a loss, or k1 inside
the reward.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from training.losses.reduce import exact, same_shape, sequence_lengths, sequence_sum

Estimator = Literal["k1", "k2", "k3"]


def kl_estimate(logprobs: Tensor, ref_logprobs: Tensor, *, kind: Estimator = "k3") -> Tensor:
    """Estimate the divergence at each sample.

    Args:
        logprobs: Of what was drawn, under the policy, nats; any shape.
        ref_logprobs: Same under the reference; no gradient.
        kind: Which estimator.

    Returns:
        Same shape, nats.

    Raises:
        ValueError: If shapes differ, or there is no such estimator.
    """
    same_shape(logprobs=logprobs, ref_logprobs=ref_logprobs)
    log_ratio = exact(ref_logprobs).detach() - exact(logprobs)
    if kind == "k1":
        return -log_ratio
    if kind == "k2":
        return log_ratio.square() / 2
    if kind == "k3":
        return torch.expm1(log_ratio) - log_ratio  # expm1: exact near 0, where training spends its time
    raise ValueError(f"no estimator {kind!r}; there are k1, k2 and k3")


def sequence_kl(
    logprobs: Tensor,
    ref_logprobs: Tensor,
    mask: Tensor,
    *,
    kind: Estimator = "k3",
    per: Literal["sequence", "action"] = "sequence",
) -> Tensor:
    """Estimate the divergence of each answer from its actions.

    The estimates of the actions are added up, which for k2 and k3 has far less variance than estimating from the
    ratio of the whole answer; for k1 the two are the same.

    Args:
        logprobs: `(N, T)`, nats.
        ref_logprobs: `(N, T)`, nats.
        mask: `(N, T)` bool.
        kind: Which estimator.
        per: Sum over the answer, or its mean over actions.

    Returns:
        `(N,)`, nats (per action).

    Raises:
        ValueError: If shapes differ, or there is no such estimator.
    """
    same_shape(logprobs=logprobs, ref_logprobs=ref_logprobs, mask=mask)
    zero = torch.zeros_like(exact(logprobs))
    masked = torch.where(mask, exact(logprobs), zero), torch.where(mask, exact(ref_logprobs), zero)
    sums = sequence_sum(kl_estimate(*masked, kind=kind), mask)
    return sums if per == "sequence" else sums / sequence_lengths(mask).clamp(min=1)


def categorical_kl(logits: Tensor, ref_logits: Tensor) -> Tensor:
    """Give KL(policy || reference) of each pair of distributions exactly, for action sets small enough to list.

    Args:
        logits: `(..., V)` of the policy; -inf for what cannot be chosen.
        ref_logits: `(..., V)` of the reference; no gradient.

    Returns:
        `(...)`, nats; infinite where the policy can choose what the reference cannot.

    Raises:
        ValueError: If shapes differ.
    """
    same_shape(logits=logits, ref_logits=ref_logits)
    logprobs = torch.log_softmax(exact(logits), dim=-1)
    ref_logprobs = torch.log_softmax(exact(ref_logits).detach(), dim=-1)
    possible = torch.isfinite(logprobs)
    zero = torch.zeros_like(logprobs)
    mine = torch.where(possible, logprobs, zero)
    theirs = torch.where(possible, ref_logprobs, zero)
    return torch.where(possible, mine.exp() * (mine - theirs), zero).sum(dim=-1)
