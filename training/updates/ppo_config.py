"""Everything about PPO that can be set, and the rates and limits of an update by it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from training.updates.config import BadConfig, UpdateConfig
from training.updates.rewards import RewardMix

Baseline = Literal["leave_one_out", "gae"]


@dataclass(frozen=True, slots=True)
class PPOConfig:
    """How answers are drawn, rewarded and learned from. Defaults: N+ details of RLHF with PPO (arXiv 2403.17031) and
    REINFORCE leave-one-out (arXiv 2402.14740).
    """

    rollouts: int = 4  # answers drawn for each prompt
    repeats: int = 2  # optimiser steps on one batch of drawn answers
    clip: float = 0.2  # of the probability ratio, and of the critic's value
    kl_coefficient: float = 0.05  # reward lost for each nat of log(policy / base); 0 for none
    temperature: float = 1.0  # of drawing; gradients are of the policy itself, so any other leaves a small bias
    max_tokens: int = 256  # longest answer of a causal model
    baseline: Baseline = "leave_one_out"  # or generalised advantages from a critic, learned along the way
    gae_lambda: float = 0.95  # of the critic's advantages: 1 trusts the reward, 0 the critic (arXiv 1506.02438)
    whiten: bool = True  # scale the advantages of a step to unit variance
    mix: RewardMix = RewardMix()

    def __post_init__(self) -> None:
        """Refuse what can never work."""
        if self.baseline not in get_args(Baseline):
            raise BadConfig(f"baseline is {' or '.join(get_args(Baseline))}, not {self.baseline!r}")
        if self.rollouts < (2 if self.baseline == "leave_one_out" else 1):
            raise BadConfig("leave-one-out needs two answers to each prompt, and a critic one")
        if self.repeats < 1 or self.max_tokens < 1:
            raise BadConfig("repeats and max_tokens must be at least 1")
        if not self.temperature > 0 or not self.clip > 0:
            raise BadConfig("temperature and clip must be above 0")
        if not 0 <= self.kl_coefficient < float("inf") or not 0 <= self.gae_lambda <= 1:
            raise BadConfig("kl_coefficient must be 0 or more, and gae_lambda in [0, 1]")

    def as_dict(self) -> dict[str, Any]:
        """Give every setting by name, as JSON holds it."""
        return asdict(self)


def ppo_update(kind: str, **changes: Any) -> UpdateConfig:
    """Give rates and limits that suit PPO.

    There is no held-out loss to choose weights by: the last ones within the limits stay. So the policy is looked at
    often, and what is lost by stopping is little.

    Args:
        kind: "extractive" or "causal".
        **changes: Settings by name that shall differ.

    Returns:
        The settings.

    Raises:
        BadConfig: There is no such policy or setting, or a value can never work.
    """
    if kind not in _PRESETS:
        raise BadConfig(f"a policy that trains is {' or '.join(_PRESETS)}, not {kind!r}")
    return UpdateConfig.for_policy(kind, **{**_COMMON, **_PRESETS[kind], **changes})


_COMMON: dict[str, Any] = {"methods": ("ppo",), "keep": "last", "schedule": "constant", "evaluate_prompts": 64}
_PRESETS: dict[str, dict[str, Any]] = {
    # The KL penalty in the reward holds the residual back instead of L2. Beyond 2 nats the policy gained little from a
    # reward that was right, and lost most to one that was wrong (bench/results/overoptimisation.md).
    "extractive": {
        "epochs": 4,
        "groups_per_step": 32,
        "learning_rate": 0.02,
        "l2": 0.0,
        "evaluate_every": 0.25,
        "kl_budget": 2.0,
    },
    "causal": {"epochs": 1, "learning_rate": 1e-5, "evaluate_every": 0.1},
}
