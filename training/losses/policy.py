"""Losses of a policy on answers to imitate and on comparisons (DPO and kin).

They see log-probabilities of whole answers under the policy and under the reference (the base), never tokens or models.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from training.losses.likelihood import binary_nll
from training.losses.reduce import (
    Total,
    exact,
    same_shape,
    sequence_lengths,
    sequence_mean,
    sequence_sum,
    weighted_mean,
)

Lengths = tuple[Tensor, Tensor]


def nll(
    logprobs: Tensor,
    mask: Tensor,
    *,
    normalise: Literal["token", "sequence"] = "sequence",
    weights: Tensor | None = None,
    total: Total = None,
) -> Tensor:
    """Negative log-likelihood of answers to imitate (supervised fine-tuning; the anchor of DPO).

    "sequence" averages within each answer first, so that a long answer counts no more than a short one (Pang et al.
    2024, arXiv 2404.19733); "token" counts every action alike, as the cross-entropy of language models does.

    Args:
        logprobs: `(N, T)`, nats.
        mask: `(N, T)` bool.
        normalise: What counts alike.
        weights: `(N,)` importance of each answer; None for ones.
        total: See `training.losses.reduce`; with "token", the weights summed over actions.

    Returns:
        Scalar, nats per action.
    """
    if normalise == "sequence":
        return weighted_mean(-sequence_mean(logprobs, mask), weights, total=total)
    sums = -sequence_sum(logprobs, mask)
    weights = torch.ones_like(sums) if weights is None else weights.to(sums.dtype)
    lengths = sequence_lengths(mask)
    return weighted_mean(sums / lengths.clamp(min=1), weights * lengths, total=total)


def implicit_margin(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    *,
    lengths: Lengths | None = None,
) -> Tensor:
    """Give Delta, how much more the policy favours chosen over rejected than the reference does (DPO without beta).

    Args:
        policy_chosen: `(N,)`, nats, and so for the other three.
        policy_rejected: `(N,)`.
        ref_chosen: `(N,)`; no gradient flows into the reference.
        ref_rejected: `(N,)`.
        lengths: Actions of the chosen and of the rejected answers, `(N,)` each: the log-ratios are divided by them.

    Returns:
        `(N,)`, nats (per action with lengths).

    Raises:
        ValueError: If shapes differ.
    """
    same_shape(chosen=policy_chosen, rejected=policy_rejected, ref_chosen=ref_chosen, ref_rejected=ref_rejected)
    chosen = exact(policy_chosen) - exact(ref_chosen).detach()
    rejected = exact(policy_rejected) - exact(ref_rejected).detach()
    if lengths is not None:
        same_shape(chosen=chosen, chosen_lengths=lengths[0], rejected_lengths=lengths[1])
        chosen, rejected = chosen / lengths[0].clamp(min=1), rejected / lengths[1].clamp(min=1)
    return chosen - rejected


def dpo(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    *,
    beta: float = 0.1,
    target: Tensor | None = None,
    label_smoothing: float = 0.0,
    flip_rate: float = 0.0,
    lengths: Lengths | None = None,
    weights: Tensor | None = None,
    total: Total = None,
) -> Tensor:
    """Direct preference optimisation: -log sigmoid(beta Delta) (Rafailov et al. 2023, arXiv 2305.18290, Eq. 7).

    With label smoothing this is cDPO (Mitchell 2023, https://ericmitchell.ai/cdpo.pdf, Eq. 3): the gradient is zero
    at sigmoid(beta Delta) = 1 - s and turns round beyond, which also bounds drift. With a flip rate it is the
    likelihood of labels wrong with chance e, p = e + (1 - 2e) sigmoid(beta Delta): pairs that the policy is sure are
    mislabelled lose their pull, where smoothing lets them pull with full force. With few noisy pairs and a good prior
    that is the difference between losing and gaining. With lengths it is the length-normalised form (Lambert et al.
    2024, arXiv 2411.15124, section 5; beta about 5). The anchor on the chosen answer is `nll`, added by the caller.

    Args:
        policy_chosen: `(N,)` log-probabilities of whole answers, nats, and so for the other three.
        policy_rejected: `(N,)`.
        ref_chosen: `(N,)`.
        ref_rejected: `(N,)`.
        beta: Inverse temperature of the implied reward beta log(pi / ref).
        target: `(N,)` chance that "chosen" is the better one; 0.5 for ties, which then pull Delta to 0. None for 1.
        label_smoothing: s, in [0, 0.5).
        flip_rate: e, in [0, 0.5).
        lengths: See `implicit_margin`.
        weights: `(N,)` importance of each pair; None for ones.
        total: See `training.losses.reduce`.

    Returns:
        Scalar, nats.

    Raises:
        ValueError: If shapes differ or a rate is outside [0, 0.5).
    """
    delta = implicit_margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected, lengths=lengths)
    target = torch.ones_like(delta) if target is None else target
    loss = binary_nll(beta * delta, target, label_smoothing=label_smoothing, flip_rate=flip_rate)
    return weighted_mean(loss, weights, total=total)


def robust_dpo(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    *,
    beta: float = 0.1,
    flip_rate: float = 0.1,
    weights: Tensor | None = None,
    total: Total = None,
) -> Tensor:
    """Unbiased DPO under flips (rDPO; Chowdhury et al. 2024, arXiv 2403.00409).

    ((1 - e) L(Delta) - e L(-Delta)) / (1 - 2e): over the flips its mean is the loss on clean labels, at a higher
    variance, and a single pair's loss is not bounded below. `dpo` with a flip rate is the steadier choice with few
    pairs.

    Args:
        policy_chosen: `(N,)`, nats, and so for the other three.
        policy_rejected: `(N,)`.
        ref_chosen: `(N,)`.
        ref_rejected: `(N,)`.
        beta: See `dpo`.
        flip_rate: e, in [0, 0.5).
        weights: `(N,)`; None for ones.
        total: See `training.losses.reduce`.

    Returns:
        Scalar, nats.

    Raises:
        ValueError: If shapes differ or the rate is outside [0, 0.5).
    """
    if not 0.0 <= flip_rate < 0.5:
        raise ValueError(f"flip_rate must be in [0, 0.5), not {flip_rate}")
    logit = beta * implicit_margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    as_given = binary_nll(logit, torch.ones_like(logit))
    flipped = binary_nll(logit, torch.zeros_like(logit))
    loss = ((1 - flip_rate) * as_given - flip_rate * flipped) / (1 - 2 * flip_rate)
    return weighted_mean(loss, weights, total=total)


def ipo(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    *,
    beta: float = 0.1,
    lengths: Lengths | None = None,
    weights: Tensor | None = None,
    total: Total = None,
) -> Tensor:
    """Identity preference optimisation: (Delta - 1 / (2 beta))^2 (Azar et al. 2023, arXiv 2310.12036, Eq. 17).

    Bounded drift even for labels without noise: Delta is drawn to 1 / (2 beta), not to infinity.

    Args:
        policy_chosen: `(N,)`, nats, and so for the other three.
        policy_rejected: `(N,)`.
        ref_chosen: `(N,)`.
        ref_rejected: `(N,)`.
        beta: Strength of the regularisation (tau in the paper).
        lengths: See `implicit_margin`.
        weights: `(N,)`; None for ones.
        total: See `training.losses.reduce`.

    Returns:
        Scalar, nats squared.

    Raises:
        ValueError: If shapes differ.
    """
    delta = implicit_margin(policy_chosen, policy_rejected, ref_chosen, ref_rejected, lengths=lengths)
    return weighted_mean((delta - 1 / (2 * beta)) ** 2, weights, total=total)
