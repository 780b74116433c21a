"""Best of n keeps what the reward model likes best, and counts what that costs in KL."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from tests.training.updates.ppo_world import Likes, asked, extractive, says
from training.policy.base import Sampling
from training.updates.bestofn import best_of_n, best_of_n_kl, choose_best

HOT = Sampling(temperature=1.0, seed=3)


def test_the_best_is_kept() -> None:
    prompt = asked(1)[0].prompt
    shortest = Likes(lambda answer: -float(len(answer.text)))
    found = best_of_n(extractive().policy, prompt, 8, shortest, sampling=HOT)
    assert len(found.answers) == len(found.rewards) == 8
    assert found.answer is found.answers[found.place]
    assert len(found.answer.text) == min(len(answer.text) for answer in found.answers)
    one = best_of_n(extractive().policy, prompt, 1, shortest, sampling=HOT)
    assert one.answer == found.answers[0]


def test_the_first_of_equals_is_kept() -> None:
    found = best_of_n(extractive().policy, asked(1)[0].prompt, 4, Likes(lambda _: 2.0), sampling=HOT)
    assert found.place == 0


def test_doubt_counts_against_an_answer() -> None:
    prompt = asked(1)[0].prompt
    (answers,) = extractive().sample([prompt], 3, HOT)
    sure, doubted = says("e"), Likes(lambda _: 1.0, doubt=3.0)
    assert np.allclose(choose_best(prompt, answers, doubted, k=1.0).rewards, -2.0)
    assert np.allclose(choose_best(prompt, answers, doubted, k=0.0).rewards, 1.0)
    assert np.allclose(choose_best(prompt, answers, sure, k=1.0).rewards, 1.0)


def test_its_kl() -> None:
    assert best_of_n_kl(1) == 0.0
    assert best_of_n_kl(4) == pytest.approx(log(4) - 0.75)


def test_none_of_none() -> None:
    with pytest.raises(ValueError, match="at least one"):
        best_of_n(extractive().policy, asked(1)[0].prompt, 0, says("x"))
