"""The training reward: uncertainty, missing support and growing length all cost, and nothing escapes the clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from training.policy.base import Answer, Prompt, Sampling
from training.reward.base import Scores
from training.updates.rewards import RewardMix, mixed_rewards

PROMPT = Prompt("What is it?", ())


class Fixed:
    """Gives the heads it was made with."""

    version = "fixed"

    def __init__(self, heads: list[list[float]]) -> None:
        self.heads = heads

    def score(self, prompts: Sequence[Prompt], answers: Sequence[Sequence[Answer]]) -> list[Scores]:
        return [Scores(np.array(self.heads, np.float32)) for _ in prompts]


def answer(words: int, **changes: object) -> Answer:
    values = {"text": " ".join(["word"] * words), "finish_reason": "stop", "abstained": False, **changes}
    return Answer(version="v", sampling=Sampling(), logprob=0.0, steps=1, **values)  # type: ignore[arg-type]


def rewards(heads: list[list[float]], answers: list[Answer], **options: object) -> list[float]:
    (row,) = mixed_rewards([PROMPT], [answers], Fixed(heads), base_lengths=[10.0], **options)  # type: ignore[arg-type]
    return row.tolist()


def test_disagreement_costs_its_standard_deviation() -> None:
    # heads 1 and 3: mean 2, population std 1
    assert rewards([[2.0, 2.0], [1.0, 3.0]], [answer(10), answer(10)]) == [2.0, 1.0]


def test_each_doubling_of_the_length_costs_and_brevity_gains_nothing() -> None:
    given = rewards([[0.0]] * 4, [answer(5), answer(10), answer(20), answer(40)], mix=RewardMix(length=1.0))
    assert given == [0.0, 0.0, -1.0, -2.0]


def test_support_cannot_be_bought_with_votes() -> None:
    support = {"a": 1.0, "b": 0.25, "c": 0.0}
    answers = [answer(1, text=name) for name in support]
    given = rewards([[1.0]] * 3, answers, grounded=lambda _, a: support[a.text])
    assert given == [1.0, -0.5, -1.0]


def test_saying_that_the_documents_are_silent_needs_no_support() -> None:
    assert rewards([[1.0]], [answer(5, abstained=True)], grounded=lambda *_: 0.0) == [1.0]


def test_a_cut_answer_costs() -> None:
    assert rewards([[1.0]], [answer(5, finish_reason="length")]) == [0.0]


@pytest.mark.parametrize(("head", "expected"), [(1e6, 5.0), (-1e6, -5.0)])
def test_it_is_clipped(head: float, expected: float) -> None:
    assert rewards([[head]], [answer(5)], mix=RewardMix(uncertainty=0.0)) == [expected]
