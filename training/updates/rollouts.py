"""Fresh answers of a policy in training, rewarded: what PPO learns from.

The reward of an answer is `training.updates.rewards` less `kl_coefficient` x log(policy / base), the k1 estimate inside
the reward, whose expected gradient is that of the KL (`training.losses.kl`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.losses import sequence_kl, sequence_sum
from training.policy.base import Answer, Prompt, PromptTooLong, Sampling
from training.reward.base import RewardModel, Scores
from training.updates.ppo_config import PPOConfig
from training.updates.rewards import Array, Grounded, mixed_rewards
from training.updates.trainable import CannotScore, Group, Trainable


@dataclass(frozen=True)
class Task:
    """A prompt to answer."""

    prompt: Prompt
    base_words: float  # length of the answer before training
    seed: int


@dataclass(frozen=True, eq=False)
class Rollout:
    """K drawn answers to one prompt, with what was known when they were drawn. No gradients."""

    group: Group
    logprobs: Tensor  # (K, T) nats
    mask: Tensor  # (K, T) bool
    log_ratios: Tensor  # (K, T) log(policy / base), nats
    rewards: Tensor  # (K,) without the KL penalty
    sums: dict[str, float]  # over the answers, for the metrics

    def penalised(self, kl_coefficient: float) -> Tensor:
        """Give `(K,)` rewards of the whole answers, less the KL penalty."""
        return self.rewards - kl_coefficient * sequence_sum(self.log_ratios, self.mask)

    def step_rewards(self, kl_coefficient: float) -> Tensor:
        """Give `(K, T)`: the KL penalty of each action, and the reward at the last one."""
        rewards = -kl_coefficient * self.log_ratios * self.mask
        last = (self.mask.sum(-1) - 1).clamp(min=0)  # (K,)
        spoken = self.mask.any(-1).to(rewards.dtype)
        return rewards.scatter_add(1, last[:, None], (self.rewards * spoken)[:, None])


def draw_rollouts(
    trainable: Trainable,
    tasks: Sequence[Task],
    model: RewardModel,
    config: PPOConfig,
    *,
    grounded: Grounded | None = None,
    left_out: Counter[str] | None = None,
) -> list[Rollout]:
    """Answer prompts afresh and reward the answers. The same weights and tasks give the same rollouts.

    Args:
        trainable: The policy; not changed.
        tasks: What is asked.
        model: Predicts what people prefer.
        config: How to draw and what to reward.
        grounded: Tells how well an answer is supported; None for policies whose answers are verbatim.
        left_out: Counts the prompts that cannot be answered or scored, by reason.

    Returns:
        One for each prompt that can be answered, in order.
    """
    drawn: list[tuple[Task, Group]] = []
    for task in tasks:
        sampling = Sampling(temperature=config.temperature, max_tokens=config.max_tokens, seed=task.seed)
        try:
            answers = trainable.draw(task.prompt, config.rollouts, sampling)
            group = trainable.prepare(task.prompt, answers)
        except (CannotScore, PromptTooLong) as error:
            _count(left_out, str(error))
            continue
        if [answer.actions for answer in answers] != [answer.actions for answer in group.answers]:
            _count(left_out, "what was drawn cannot be told from its text")
            continue
        drawn.append((task, group))
    scorer = _Kept(model)
    rewards = mixed_rewards(
        [group.prompt for _, group in drawn],
        [group.answers for _, group in drawn],
        scorer,
        base_lengths=[task.base_words for task, _ in drawn],
        grounded=grounded,
        mix=config.mix,
    )
    parts = zip(drawn, rewards, scorer.scores, strict=True)
    return [_rollout(trainable, group, reward, scores) for (_, group), reward, scores in parts]


def _rollout(trainable: Trainable, group: Group, reward: Array, scores: Scores) -> Rollout:
    with torch.no_grad():
        logprobs, mask = trainable.logprobs(group)
        reference, _ = trainable.reference_logprobs(group)
    logprobs = logprobs.detach()
    said = sequence_sum(logprobs, mask)
    kl = sequence_kl(logprobs, reference, mask)
    return Rollout(
        group,
        logprobs,
        mask,
        torch.where(mask, logprobs - reference, torch.zeros_like(logprobs)),
        torch.from_numpy(reward).to(logprobs.device),
        {
            "answers": float(len(group.answers)),
            "reward": float(reward.sum()),
            "proxy": float(scores.mean.sum()),
            "proxy_std": float(scores.std.sum()),
            "reward_spread": float(np.std(reward)) * len(group.answers),
            "kl": float(kl.sum()),
            "entropy": -float(said.sum()),
            "words": float(sum(len(answer.text.split()) for answer in group.answers)),
            "abstained": float(sum(answer.abstained for answer in group.answers)),
            "unfinished": float(sum(answer.finish_reason == "length" for answer in group.answers)),
        },
    )


class _Kept:
    """A reward model that keeps what it gave, so that nothing is scored twice."""

    def __init__(self, model: RewardModel) -> None:
        self._model = model
        self.scores: list[Scores] = []

    @property
    def version(self) -> str:
        return self._model.version

    def score(self, prompts: Sequence[Prompt], answers: Sequence[Sequence[Answer]]) -> list[Scores]:
        self.scores = self._model.score(prompts, answers)
        return self.scores


def _count(left_out: Counter[str] | None, reason: str) -> None:
    if left_out is not None:
        left_out[reason] += 1
