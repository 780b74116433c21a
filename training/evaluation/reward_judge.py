"""A reward model as a judge: one from other folds than those that trained the answers it compares."""

from __future__ import annotations

import math

from training.evaluation.judge import Judgement, OneOrder, both_orders
from training.policy.base import Answer, Prompt
from training.reward.base import RewardModel


class RewardJudge:
    """Compares by calibrated scores (Bradley-Terry): the order cannot matter, both are asked all the same."""

    def __init__(self, model: RewardModel, *, tie: float = 0.0) -> None:
        """Make a judge.

        Args:
            model: Independent of what trained the answers.
            tie: Differences of the mean scores up to this size, in logits, are ties.
        """
        self._model = model
        self._tie = tie

    @property
    def name(self) -> str:
        """Name recorded with its judgements."""
        return f"reward:{self._model.version}"

    def compare(self, prompt: Prompt, first: Answer, second: Answer) -> Judgement:
        """Compare two answers by their mean scores."""

        def ask(shown_first: Answer, shown_second: Answer) -> OneOrder:
            [scores] = self._model.score([prompt], [[shown_first, shown_second]])
            better = float(scores.mean[0] - scores.mean[1])
            if abs(better) <= self._tie:
                return OneOrder(0.5)
            return OneOrder(1 / (1 + math.exp(-max(-50.0, min(50.0, better)))))

        return both_orders(ask, first, second)
