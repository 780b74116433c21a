"""The reward that a policy is trained towards: never the thumbs alone.

    r = (mean - k x std over the heads) + groundedness_weight x (groundedness - 1) - length_weight x growth

clipped, per prompt. Mean minus spread is the brake of Coste et al. 2023 (arXiv 2310.02743); groundedness is what a vote
cannot buy; growth is how much longer an answer is than the base policy's, because longer pleases.

Learned rewards of two answers to a prompt differ by a few tenths of a logit. With 1.0 for each doubling of the length
the embedded policy learned to be brief and little else (bench/overoptimisation.py); with 0.1 it grew by a quarter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.policy.base import Answer, Prompt
from training.reward.base import RewardModel

Array = npt.NDArray[np.float32]
Grounded = Callable[[Prompt, Answer], float]  # 0 to 1: how much of the answer its passages support


@dataclass(frozen=True, slots=True)
class RewardMix:
    """How much each part counts."""

    uncertainty: float = 1.0  # k: logits lost for each logit by which the heads disagree
    groundedness: float = 2.0  # logits lost by an answer that nothing supports
    length: float = 0.1  # logits lost for each doubling over the base policy's length
    unfinished: float = 1.0  # logits lost by an answer cut off by the length limit
    clip: float = 5.0  # on both sides


def mixed_rewards(
    prompts: Sequence[Prompt],
    answers: Sequence[Sequence[Answer]],
    model: RewardModel,
    *,
    base_lengths: Sequence[float],
    grounded: Grounded | None = None,
    mix: RewardMix | None = None,
) -> list[Array]:
    """Give the reward of every answer.

    Args:
        prompts: B prompts.
        answers: K answers for each.
        model: Predicts what people prefer.
        base_lengths: For each prompt the words of the base policy's own answer, at least 1.
        grounded: Tells how well an answer is supported; None for policies whose answers are verbatim.
        mix: How much each part counts.

    Returns:
        For each prompt `(K,)` float32, in logits.
    """
    mix = mix or RewardMix()
    rewards = []
    for prompt, group, scores, base in zip(prompts, answers, model.score(prompts, answers), base_lengths, strict=True):
        words = np.array([max(len(answer.text.split()), 1) for answer in group], np.float32)
        reward = scores.cautious(mix.uncertainty) - mix.length * np.maximum(np.log2(words / max(base, 1.0)), 0.0)
        if grounded is not None:
            support = np.array([1.0 if a.abstained else grounded(prompt, a) for a in group], np.float32)
            reward = reward + mix.groundedness * (support - 1.0)
        cut = np.array([answer.finish_reason == "length" for answer in group], np.float32)
        rewards.append(np.clip(reward - mix.unfinished * cut, -mix.clip, mix.clip).astype(np.float32))
    return rewards
