"""Losses of a policy on votes for single answers: KTO, and a likelihood for few noisy votes.

They see log-probabilities of whole answers under the policy and under the reference (the base), never tokens or models.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.losses.likelihood import binary_nll
from training.losses.reduce import Total, exact, same_shape, weighted_mean


def kto_reference_point(policy: Tensor, ref: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Estimate z_0 of KTO from mismatched answers: max(0, mean log-ratio), without gradient.

    The paper takes answers of other prompts in the batch. Here they are other answers to the *same* prompt, which
    share its computation; they are plausible there, so that z_0 lies higher and says what this policy gives to any
    answer.

    Args:
        policy: `(M,)` log-probabilities, nats.
        ref: `(M,)` under the reference, nats.
        weights: `(M,)`; None for ones.

    Returns:
        Scalar, nats; 0 where M is 0.

    Raises:
        ValueError: If shapes differ.
    """
    same_shape(policy=policy, ref=ref)
    return weighted_mean(exact(policy) - exact(ref), weights).clamp(min=0).detach()


def kto(
    policy: Tensor,
    ref: Tensor,
    desirable: Tensor,
    kl: Tensor,
    *,
    beta: float = 0.1,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
    weights: Tensor | None = None,
    total: Total = None,
) -> Tensor:
    """Kahneman-Tversky optimisation of votes on single answers (Ethayarajh et al. 2024, arXiv 2402.01306, Eq. 7).

    lambda_D (1 - sigmoid(beta (r - z_0))) for desirable answers, lambda_U (1 - sigmoid(beta (z_0 - r))) for the
    others, with r the log-ratio to the reference. The value saturates on both sides, so that an outlier pulls little.
    The paper wants lambda_D n_D / (lambda_U n_U) within [1, 1.5] (Eq. 8).

    Args:
        policy: `(N,)` log-probabilities of whole answers, nats.
        ref: `(N,)` under the reference, nats.
        desirable: `(N,)` bool.
        kl: Scalar or `(N,)` reference point z_0, nats (`kto_reference_point`); no gradient flows into it, and it is
            taken as at least 0.
        beta: Inverse temperature.
        desirable_weight: lambda_D; scales the loss and is not divided out.
        undesirable_weight: lambda_U, likewise.
        weights: `(N,)` importance of each vote; None for ones.
        total: See `training.losses.reduce`.

    Returns:
        Scalar, in [0, max(lambda)].

    Raises:
        ValueError: If shapes differ.
    """
    same_shape(policy=policy, ref=ref, desirable=desirable)
    above = exact(policy) - exact(ref).detach() - kl.detach().clamp(min=0)
    desirable = desirable.bool()
    value = torch.sigmoid(beta * torch.where(desirable, above, -above))
    scale = torch.where(desirable, desirable_weight, undesirable_weight).to(value.dtype)
    return weighted_mean(scale * (1 - value), weights, total=total)


def noisy_vote(
    policy: Tensor,
    ref: Tensor,
    up: Tensor,
    *,
    beta: float = 1.0,
    bias: Tensor | float = 0.0,
    flip_rate: float = 0.25,
    weights: Tensor | None = None,
    total: Total = None,
) -> Tensor:
    """Likelihood of votes that are wrong with chance e: P(up) = e + (1 - 2e) sigmoid(beta log(pi / ref) + b).

    For few, noisy votes on a good prior. A quarter of real labels is effectively noise, and the served answer is
    usually one that the prior is sure of: a plain log-loss takes a wrong down vote there as its strongest evidence
    and bends the prior to fit it. Here such a vote has almost no gradient, and only votes that the policy can believe
    move it. (On answers of a linear residual, e = 0.25, plain losses lost accuracy where this one gained.) b is the
    logit of an up vote for an answer that the policy favours no more than the reference does; give it the base rate,
    or fit it.

    Args:
        policy: `(N,)` log-probabilities of whole answers, nats.
        ref: `(N,)` under the reference, nats.
        up: `(N,)` bool, or chances in [0, 1].
        beta: Inverse temperature.
        bias: Scalar or `(N,)` b, nats.
        flip_rate: e, in [0, 0.5).
        weights: `(N,)` importance of each vote; None for ones.
        total: See `training.losses.reduce`.

    Returns:
        Scalar, nats.

    Raises:
        ValueError: If shapes differ or the rate is outside [0, 0.5).
    """
    same_shape(policy=policy, ref=ref, up=up)
    logit = beta * (exact(policy) - exact(ref).detach()) + bias
    return weighted_mean(binary_nll(logit, up, flip_rate=flip_rate), weights, total=total)
