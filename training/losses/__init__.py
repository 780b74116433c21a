"""Losses as pure functions of tensors. They know no model, no tokens and no data; units are nats.

reduce      the one weighted mean; sums over actions
likelihood  yes-or-no judgements under label noise
reward      comparisons and votes, for a reward model
policy      imitation and comparisons, for a policy: NLL, DPO
ppo         advantages, clipped objective, critic, entropy
kl          divergence from a reference
"""

from training.losses.kl import categorical_kl, kl_estimate, sequence_kl
from training.losses.likelihood import binary_nll
from training.losses.policy import (
    dpo,
    implicit_margin,
    ipo,
    nll,
    robust_dpo,
)
from training.losses.ppo import clip_fraction, entropy, gae, leave_one_out, ppo_clip, value_clip_loss, whiten
from training.losses.reduce import sequence_lengths, sequence_mean, sequence_sum, weighted_mean
from training.losses.reward import bradley_terry, pair_targets, shrink, vote_logistic
from training.losses.votes import kto, kto_reference_point, noisy_vote

__all__ = [
    "binary_nll",
    "bradley_terry",
    "categorical_kl",
    "clip_fraction",
    "dpo",
    "entropy",
    "gae",
    "implicit_margin",
    "ipo",
    "kl_estimate",
    "kto",
    "kto_reference_point",
    "leave_one_out",
    "nll",
    "noisy_vote",
    "pair_targets",
    "ppo_clip",
    "robust_dpo",
    "sequence_kl",
    "sequence_lengths",
    "sequence_mean",
    "sequence_sum",
    "shrink",
    "value_clip_loss",
    "vote_logistic",
    "weighted_mean",
    "whiten",
]
