"""Losses of a reward model: comparisons and votes, and the nuisances that come with them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from training.datasets.examples import PairOutcome
from training.losses.likelihood import binary_nll
from training.losses.reduce import Total, exact, same_shape, weighted_mean

_TARGETS: dict[PairOutcome, float] = {"first": 1.0, "second": 0.0, "tie": 0.5, "both_bad": 0.5}


def pair_targets(outcomes: Sequence[PairOutcome]) -> Tensor:
    """Give the chance that the first answer is preferred: 1, 0, or a half for a tie and for two bad answers.

    "Both bad" says nothing about which is better; that both are bad goes into `vote_logistic` as two down votes.

    Args:
        outcomes: N outcomes.

    Returns:
        `(N,)` float32.
    """
    return torch.tensor([_TARGETS[outcome] for outcome in outcomes], dtype=torch.float32)


def bradley_terry(
    first: Tensor,
    second: Tensor,
    target: Tensor,
    *,
    position: Tensor | None = None,
    margin: Tensor | None = None,
    weights: Tensor | None = None,
    label_smoothing: float = 0.0,
    flip_rate: float = 0.0,
    centre: float = 0.0,
    total: Total = None,
) -> Tensor:
    """Negative log-likelihood of comparisons (Bradley and Terry 1952; Ouyang et al. 2022, arXiv 2203.02155, Eq. 1).

    P(first preferred) = sigmoid(r_1 - r_2 + c), with c the advantage of being shown first.

    A tie is split: target 0.5 gives (softplus(z) + softplus(-z)) / 2 with gradient sigmoid(z) - 1/2, which pulls
    equals together gently and is smooth at 0. (The other form in use, softplus(|z|), has a kink there and pulls as
    hard at z = 0 as a decided pair.) Targets between stand for counted votes, such as (wins + 1) / (n + 2).

    The likelihood knows only differences; `centre` adds centre x mean((r_1 + r_2)^2), which keeps rewards about zero
    (Eisenstein et al. 2023, arXiv 2312.09244, Eq. 2; 0.01 is usual).

    Args:
        first: `(N,)` rewards of the answers shown first, nats.
        second: `(N,)` rewards of the others, nats.
        target: `(N,)` chance that the first is preferred: 1, 0, 0.5 for ties and both bad (`pair_targets`).
        position: Scalar or `(N,)` c, nats; 0 where the order is not known; None for no such term.
        margin: `(N,)` by how much the preferred answer should win, nats (Touvron et al. 2023, arXiv 2307.09288, Eq. 2).
        weights: `(N,)` importance of each comparison; None for ones.
        label_smoothing: See `binary_nll`.
        flip_rate: See `binary_nll`.
        centre: Strength of the centring term.
        total: See `training.losses.reduce`.

    Returns:
        Scalar, nats.

    Raises:
        ValueError: If shapes differ or a rate is outside [0, 0.5).
    """
    same_shape(first=first, second=second, target=target)
    first, second = exact(first), exact(second)
    logit = first - second
    if position is not None:
        logit = logit + position
    loss = binary_nll(logit, target, margin=margin, label_smoothing=label_smoothing, flip_rate=flip_rate)
    if centre:
        loss = loss + centre * (first + second) ** 2
    return weighted_mean(loss, weights, total=total)


def vote_logistic(
    reward: Tensor,
    up: Tensor,
    *,
    leniency: Tensor | None = None,
    bias: Tensor | None = None,
    weights: Tensor | None = None,
    label_smoothing: float = 0.0,
    flip_rate: float = 0.0,
    total: Total = None,
) -> Tensor:
    """Negative log-likelihood of votes on single answers: P(up) = sigmoid(r + b + l_v).

    The leniency l_v of the voter is a nuisance (the difficulty term of a Rasch model): without it, answers seen by mild
    voters look better than they are. Add `shrink(leniency table, ...)`, or a voter of one vote explains it away.

    Args:
        reward: `(N,)`, nats.
        up: `(N,)` bool, or chances in [0, 1].
        leniency: `(N,)` leniency of the voter of each vote, nats; None for none.
        bias: Scalar or `(N,)` (per segment), nats; None for none.
        weights: `(N,)` importance of each vote; None for ones.
        label_smoothing: See `binary_nll`.
        flip_rate: See `binary_nll`.
        total: See `training.losses.reduce`.

    Returns:
        Scalar, nats.

    Raises:
        ValueError: If shapes differ or a rate is outside [0, 0.5).
    """
    same_shape(reward=reward, up=up)
    logit = exact(reward)
    if leniency is not None:
        same_shape(reward=reward, leniency=leniency)
        logit = logit + leniency
    if bias is not None:
        logit = logit + bias
    loss = binary_nll(logit, up, label_smoothing=label_smoothing, flip_rate=flip_rate)
    return weighted_mean(loss, weights, total=total)


def shrink(values: Tensor, precision: float, *, total: float) -> Tensor:
    """Give the log-prior of nuisances that come from N(0, 1 / precision), scaled to stand beside a mean loss.

    Divided by the weight of *all* training data, so that mean loss + shrink is the posterior (MAP) objective whatever
    the size of a batch: a voter with many votes is shrunk little, a voter with one almost wholly.

    Args:
        values: `(V,)`, one for each voter or segment.
        precision: Inverse variance; 1 lets typical voters differ by one nat.
        total: Sum of the weights of the training data.

    Returns:
        Scalar, nats.
    """
    return 0.5 * precision * exact(values).square().sum() / total
