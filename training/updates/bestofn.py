"""Best of n: draw answers and keep the one that the reward model, doubtful as it is, likes best.

For policies whose weights are out of reach it is all that can be done with a reward model; for the others it is what
PPO is measured against.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from training.policy.base import Answer, Prompt, Sampling, ServingPolicy
from training.reward.base import RewardModel, Scores

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class BestOf:
    """What was drawn and what was kept."""

    answers: tuple[Answer, ...]
    scores: Scores
    rewards: Array  # (n,) mean - k x std
    place: int  # of the best; the first among equals

    @property
    def answer(self) -> Answer:
        """The one kept."""
        return self.answers[self.place]


def best_of_n(
    policy: ServingPolicy,
    prompt: Prompt,
    n: int,
    reward: RewardModel,
    k: float = 1.0,
    *,
    sampling: Sampling | None = None,
) -> BestOf:
    """Answer n times and choose.

    Args:
        policy: Any that answers.
        prompt: What was asked and shown.
        n: Answers, at least one.
        reward: Predicts what people prefer.
        k: How much disagreement of the heads counts against an answer (Coste et al. 2023, arXiv 2310.02743).
        sampling: How to draw; temperature 1 when None.

    Returns:
        The answers with their scores.

    Raises:
        ValueError: n is below one.
    """
    if n < 1:
        raise ValueError(f"best of {n}: at least one answer")
    (answers,) = policy.sample([prompt], n, sampling or Sampling(temperature=1.0))
    return choose_best(prompt, answers, reward, k)


def choose_best(prompt: Prompt, answers: list[Answer], reward: RewardModel, k: float = 1.0) -> BestOf:
    """Choose among answers that are there.

    Args:
        prompt: What was asked and shown.
        answers: At least one.
        reward: Predicts what people prefer.
        k: See `best_of_n`.

    Returns:
        The answers with their scores.
    """
    (scores,) = reward.score([prompt], [answers])
    rewards = scores.cautious(k)
    return BestOf(tuple(answers), scores, rewards, int(rewards.argmax()))


def best_of_n_kl(n: int) -> float:
    """Give the KL of best-of-n from the policy that it draws from, nats: log n - (n - 1) / n, an upper bound where
    answers may repeat (Stiennon et al. 2020, arXiv 2009.01325; Beirami et al. 2024, arXiv 2401.01879).
    """
    return log(n) - (n - 1) / n
