"""The terms of the objective on judged answers: from scored rows and judgements to a loss, and sums for the metrics.

Pure. Every loss is divided by a `total` given by the caller, so that terms of a part of a step, of several parts and of
several processes add up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from training.losses import dpo, kto, nll, noisy_vote, sequence_lengths, sequence_sum
from training.updates.config import UpdateConfig
from training.updates.items import Imitation, Versus, Vote


@dataclass(frozen=True, eq=False)
class Scored:
    """Rows of several groups, one after the other."""

    logprobs: Tensor  # (N, T) nats, differentiable
    mask: Tensor  # (N, T) bool
    reference: Tensor  # (N, T) nats, under the base

    @cached_property
    def policy_sums(self) -> Tensor:
        """Log-probability of each answer, `(N,)`."""
        return sequence_sum(self.logprobs, self.mask)

    @cached_property
    def reference_sums(self) -> Tensor:
        """The same under the base, `(N,)`."""
        return sequence_sum(self.reference, self.mask)


@dataclass(frozen=True, eq=False)
class Term:
    """One term."""

    loss: Tensor  # scalar, times the weight of its method
    sums: dict[str, float]  # see `figures`


def comparison_term(versus: Sequence[Versus], scored: Scored, config: UpdateConfig, total: float) -> Term:
    """DPO on comparisons and ties, with the NLL of preferred answers beside it.

    Args:
        versus: By row.
        scored: The rows.
        config: beta, doubts about labels, weights.
        total: What to divide by.

    Returns:
        The term.
    """
    policy, reference = scored.policy_sums, scored.reference_sums
    base = reference if config.relative_to_base else torch.zeros_like(reference)
    chosen, rejected = [one.first for one in versus], [one.second for one in versus]
    weights, targets = _column([v.weight for v in versus], policy), _column([v.target for v in versus], policy)
    lengths = sequence_lengths(scored.mask)
    part = dpo(
        policy[chosen],
        policy[rejected],
        base[chosen],
        base[rejected],
        beta=config.beta,
        target=targets,
        label_smoothing=config.label_smoothing,
        flip_rate=config.flip_rate,
        lengths=(lengths[chosen], lengths[rejected]) if config.length_normalised else None,
        weights=weights,
        total=total,
    )
    decided = targets == 1
    known = weights * decided
    margins = (config.beta * (policy - base)).detach()
    margins = margins[chosen] - margins[rejected]
    sums = {
        "dpo": float(part.detach()),
        "pairs": float(known.sum()),
        "ordered": float((known * (margins > 0)).sum() + 0.5 * (known * (margins == 0)).sum()),
        "margin": float((known * margins).sum()),
    }
    loss = config.dpo_weight * part
    if config.nll_weight:
        anchor = nll(scored.logprobs[chosen], scored.mask[chosen], weights=known, total=total)
        loss = loss + config.dpo_weight * config.nll_weight * anchor
        sums["nll"] = float(anchor.detach())
    return Term(loss, sums)


def kto_term(
    votes: Sequence[Vote],
    scored: Scored,
    config: UpdateConfig,
    total: float,
    balance: tuple[float, float],
    reference_point: float,
) -> Term:
    """KTO on thumbs.

    Args:
        votes: By row.
        scored: The rows.
        config: beta and weights.
        total: What to divide by.
        balance: lambda of thumbs up and of thumbs down.
        reference_point: z_0, nats.

    Returns:
        The term.
    """
    judged, up, weights = _thumbs(votes, scored)
    part = kto(
        scored.policy_sums[judged],
        scored.reference_sums[judged],
        up,
        torch.tensor(reference_point, device=up.device),
        beta=config.beta,
        desirable_weight=balance[0],
        undesirable_weight=balance[1],
        weights=weights,
        total=total,
    )
    return Term(config.vote_weight * part, {"votes": float(part.detach()), **_gains(judged, up, weights, scored)})


def noisy_vote_term(votes: Sequence[Vote], scored: Scored, config: UpdateConfig, total: float, bias: float) -> Term:
    """Likelihood of thumbs that may be wrong.

    Args:
        votes: By row.
        scored: The rows.
        config: beta, flip rate and weights.
        total: What to divide by.
        bias: Logit of a thumb up where policy and base agree.

    Returns:
        The term.
    """
    judged, up, weights = _thumbs(votes, scored)
    part = noisy_vote(
        scored.policy_sums[judged],
        scored.reference_sums[judged],
        up,
        beta=config.beta,
        bias=bias,
        flip_rate=config.flip_rate,
        weights=weights,
        total=total,
    )
    return Term(config.vote_weight * part, {"votes": float(part.detach()), **_gains(judged, up, weights, scored)})


def imitation_term(imitations: Sequence[Imitation], scored: Scored, config: UpdateConfig, total: float) -> Term:
    """NLL of answers to imitate.

    Args:
        imitations: By row.
        scored: The rows.
        config: The method's weight.
        total: What to divide by.

    Returns:
        The term.
    """
    wanted = [one.answer for one in imitations]
    weights = _column([one.weight for one in imitations], scored.logprobs)
    part = nll(scored.logprobs[wanted], scored.mask[wanted], weights=weights, total=total)
    plain = nll(scored.logprobs[wanted].detach(), scored.mask[wanted], weights=weights, total=1.0)
    sums = {"sft": float(part.detach()), "targets": float(weights.sum()), "target_nll": float(plain)}
    return Term(config.sft_weight * part, sums)


def figures(sums: Mapping[str, float]) -> dict[str, float]:
    """Turn sums over a step or an evaluation into figures.

    Args:
        sums: Added up over parts and processes.

    Returns:
        Loss by term; `accuracy` and `margin` (nats) of decided comparisons, equals counting half; `up_gain` and
        `down_gain`, nats a voted answer gained over the base; `target_nll`, nats per action.
    """
    found = {f"loss_{name}": sums[name] for name in ("dpo", "nll", "votes", "sft") if name in sums}
    for name, part, whole in _MEANS:
        if sums.get(whole):
            found[name] = sums[part] / sums[whole]
    return found


def add_up(sums: dict[str, float], more: Mapping[str, float]) -> None:
    """Add sums by name, in place.

    Args:
        sums: Grows.
        more: What is added.
    """
    for name, value in more.items():
        sums[name] = sums.get(name, 0.0) + value


_MEANS = (
    ("accuracy", "ordered", "pairs"),
    ("margin", "margin", "pairs"),
    ("up_gain", "up_gain", "up"),
    ("down_gain", "down_gain", "down"),
    ("stranger_gain", "stranger_gain", "strangers"),
    ("target_nll", "target_nll", "targets"),
)


def _thumbs(votes: Sequence[Vote], scored: Scored) -> tuple[list[int], Tensor, Tensor]:
    up = torch.tensor([vote.up for vote in votes], device=scored.logprobs.device)
    return [vote.answer for vote in votes], up, _column([vote.weight for vote in votes], scored.logprobs)


def _gains(judged: list[int], up: Tensor, weights: Tensor, scored: Scored) -> dict[str, float]:
    gains = weights * (scored.policy_sums - scored.reference_sums)[judged].detach()
    return {
        "up": float(weights[up].sum()),
        "down": float(weights[~up].sum()),
        "up_gain": float(gains[up].sum()),
        "down_gain": float(gains[~up].sum()),
    }


def _column(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=like.device)
