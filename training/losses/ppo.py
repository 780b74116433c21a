"""Proximal policy optimisation on sampled answers: advantages, the clipped objective, the critic.

Notation for shapes: N answers of at most T actions; B prompts with K answers each. Masks are true for real actions,
which come before the padding. Rewards and values are in nats, like the rewards of a reward model.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from training.losses.reduce import Total, exact, same_shape, sequence_sum, weighted_mean

_LARGEST_LOG_RATIO = 20.0  # e^20 is far beyond any clip range; more would overflow, and 0 x inf is NaN in the gradient


def leave_one_out(rewards: Tensor) -> Tensor:
    """Subtract from each reward the mean of the other answers to its prompt (Ahmadian et al. 2024, arXiv 2402.14740).

    A baseline that does not depend on the answer it judges, so the gradient stays unbiased, and no critic is needed.

    Args:
        rewards: `(B, K)`.

    Returns:
        `(B, K)` advantages; each row sums to 0.

    Raises:
        ValueError: If there are fewer than two answers to a prompt.
    """
    if rewards.ndim != 2 or rewards.shape[1] < 2:
        raise ValueError(f"rewards must be (B, K) with K >= 2, not {tuple(rewards.shape)}")
    rewards = exact(rewards)
    k = rewards.shape[1]
    return (rewards - rewards.mean(dim=1, keepdim=True)) * (k / (k - 1))


def gae(
    values: Tensor, rewards: Tensor, mask: Tensor, *, gamma: float = 1.0, lam: float = 0.95
) -> tuple[Tensor, Tensor]:
    """Generalised advantage estimation (Schulman et al. 2015, arXiv 1506.02438, Eq. 11 and 16).

    delta_t = r_t + gamma V_{t+1} - V_t, A_t = delta_t + gamma lambda A_{t+1}; after the last real action both V and A
    are 0.

    Args:
        values: `(N, T)` V_t before each action.
        rewards: `(N, T)`, usually 0 but at the last action (less a KL penalty at each).
        mask: `(N, T)` bool.
        gamma: Discount.
        lam: Lambda; 1 gives the full return less the value, 0 one step.

    Returns:
        Advantages and returns (A + V, the critic's target), `(N, T)` each, 0 where padded, without gradient.

    Raises:
        ValueError: If shapes differ.
    """
    same_shape(values=values, rewards=rewards, mask=mask)
    zero = torch.zeros_like(exact(values))
    values = torch.where(mask, exact(values).detach(), zero)
    rewards = torch.where(mask, exact(rewards).detach(), zero)
    advantages = torch.zeros_like(values)
    following = next_value = torch.zeros_like(values[:, 0]) if values.shape[1] else values.sum(dim=1)
    for step in reversed(range(values.shape[1])):
        delta = rewards[:, step] + gamma * next_value - values[:, step]
        following = torch.where(mask[:, step], delta + gamma * lam * following, torch.zeros_like(delta))
        advantages[:, step] = following
        next_value = values[:, step]
    return advantages, advantages + values


def whiten(values: Tensor, mask: Tensor, *, shift_mean: bool = True) -> Tensor:
    """Scale to unit variance over the real actions, and to mean 0.

    Args:
        values: `(N, T)`.
        mask: `(N, T)` bool.
        shift_mean: Whether to move the mean to 0; else it stays.

    Returns:
        `(N, T)`, 0 where padded; unchanged in scale where there are fewer than two actions.

    Raises:
        ValueError: If shapes differ.
    """
    same_shape(values=values, mask=mask)
    values = torch.where(mask, exact(values), torch.zeros_like(exact(values)))
    count = mask.sum()
    mean = values.sum() / count.clamp(min=1)
    centred = torch.where(mask, values - mean, torch.zeros_like(values))
    if int(count) < 2:
        return centred if shift_mean else values
    white = centred * torch.rsqrt(centred.square().sum() / (count - 1) + 1e-8)
    return white if shift_mean else torch.where(mask, white + mean, white)


def ppo_clip(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    *,
    clip: float = 0.2,
    level: Literal["token", "sequence"] = "token",
    weights: Tensor | None = None,
    total: Total = None,
) -> Tensor:
    """Clipped surrogate: mean of max(-A rho, -A clip(rho, 1 - c, 1 + c)) (Schulman et al. 2017, arXiv 1707.06347, Eq.
    7).

    At "token" level rho is the ratio of each action, and all actions count alike; at "sequence" level it is the ratio
    of the whole answer, and all answers count alike (REINFORCE leave-one-out treats the answer as one action).

    Args:
        logprobs: `(N, T)` now, nats.
        old_logprobs: `(N, T)` when the answers were drawn, nats; no gradient.
        advantages: `(N,)`, one for each answer, or (at token level) `(N, T)`; no gradient.
        mask: `(N, T)` bool.
        clip: c. Log-ratios beyond 20 nats are taken as 20, and carry no gradient: that is divergence, to be stopped
            elsewhere.
        level: What the ratio is of.
        weights: `(N,)` importance of each answer; None for ones.
        total: See `training.losses.reduce`; at token level, the weights summed over actions.

    Returns:
        Scalar.

    Raises:
        ValueError: If shapes differ.
    """
    ratio, advantages, counted = _ratio(logprobs, old_logprobs, advantages, mask, level, weights)
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return weighted_mean(torch.maximum(-advantages * ratio, -advantages * clipped), counted, total=total)


def clip_fraction(
    logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, mask: Tensor, *, clip: float = 0.2
) -> Tensor:
    """Give the share of actions whose gradient the clip takes away.

    Args:
        logprobs: `(N, T)`, nats.
        old_logprobs: `(N, T)`, nats.
        advantages: `(N,)` or `(N, T)`.
        mask: `(N, T)` bool.
        clip: c of `ppo_clip`.

    Returns:
        Scalar in [0, 1], without gradient.

    Raises:
        ValueError: If shapes differ.
    """
    ratio, advantages, counted = _ratio(logprobs.detach(), old_logprobs, advantages, mask, "token", None)
    stopped = ((advantages > 0) & (ratio > 1 + clip)) | ((advantages < 0) & (ratio < 1 - clip))
    return weighted_mean(stopped.to(ratio.dtype), counted)


def value_clip_loss(
    values: Tensor,
    old_values: Tensor,
    returns: Tensor,
    mask: Tensor,
    *,
    clip: float = 0.2,
    weights: Tensor | None = None,
    total: Total = None,
) -> Tensor:
    """Critic's loss, clipped as the policy's is: half the mean of max((V - R)^2, (clip(V, V_old - c, V_old + c) -
    R)^2).

    Args:
        values: `(N, T)` now.
        old_values: `(N, T)` when the answers were drawn; no gradient.
        returns: `(N, T)` targets (`gae`); no gradient.
        mask: `(N, T)` bool.
        clip: c.
        weights: `(N,)` importance of each answer; None for ones.
        total: See `training.losses.reduce`; the weights summed over actions.

    Returns:
        Scalar.

    Raises:
        ValueError: If shapes differ.
    """
    same_shape(values=values, old_values=old_values, returns=returns, mask=mask)
    zero = torch.zeros_like(exact(values))
    values, old, returns = (
        torch.where(mask, exact(tensor), zero) for tensor in (values, old_values.detach(), returns.detach())
    )
    clipped = torch.clamp(values, old - clip, old + clip)
    loss = torch.maximum((values - returns) ** 2, (clipped - returns) ** 2)
    return 0.5 * weighted_mean(loss, _per_action(mask, weights, loss.dtype), total=total)


def entropy(logits: Tensor) -> Tensor:
    """Give the entropy of each distribution.

    Args:
        logits: `(..., V)`; -inf for what cannot be chosen.

    Returns:
        `(...)`, nats.
    """
    logprobs = torch.log_softmax(exact(logits), dim=-1)
    possible = torch.isfinite(logprobs)
    finite = torch.where(possible, logprobs, torch.zeros_like(logprobs))
    return -torch.where(possible, finite.exp() * finite, torch.zeros_like(finite)).sum(dim=-1)


def _ratio(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    level: Literal["token", "sequence"],
    weights: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Give the ratio, and the advantage and weight of each, in one shape: `(N, T)` or `(N,)`."""
    same_shape(logprobs=logprobs, old_logprobs=old_logprobs, mask=mask)
    difference = exact(logprobs) - exact(old_logprobs).detach()
    difference = torch.where(mask, difference, torch.zeros_like(difference))
    advantages = exact(advantages).detach()
    if level == "sequence":
        difference = sequence_sum(difference, mask)
        counted = torch.ones_like(difference) if weights is None else weights.to(difference.dtype)
    else:
        if advantages.ndim == 1:
            advantages = advantages.unsqueeze(-1).expand_as(difference)
        advantages = torch.where(mask, advantages, torch.zeros_like(advantages)) if advantages.ndim == 2 else advantages
        counted = _per_action(mask, weights, difference.dtype)
    same_shape(ratio=difference, advantages=advantages)
    return difference.clamp(-_LARGEST_LOG_RATIO, _LARGEST_LOG_RATIO).exp(), advantages, counted


def _per_action(mask: Tensor, weights: Tensor | None, dtype: torch.dtype) -> Tensor:
    counted = mask.to(dtype)
    return counted if weights is None else counted * weights.to(dtype).unsqueeze(-1)
