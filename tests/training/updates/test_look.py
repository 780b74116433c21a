"""What is seen of a policy in training: held-out loss, and its own answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from retrieval.embed import HashingEmbedder
from tests.training.conftest import make_prompt
from tests.training.updates.test_extractive_updates import BRIEF, examples
from training.datasets.examples import Pair
from training.policy.base import ABSTENTION, Answer, Prompt, Sampling
from training.policy.extractive import ExtractivePolicy, Prior
from training.policy.extractive.features import HALT_FEATURES
from training.reward.base import Scores
from training.updates.extractive import ExtractiveTrainable
from training.updates.items import prepare
from training.updates.look import held_out_loss, look
from training.updates.loop import Progress, train_policy
from training.updates.objective import JudgedObjective


class Brevity:
    """Rewards short answers."""

    version = "brevity"

    def score(self, prompts: Sequence[Prompt], answers: Sequence[Sequence[Answer]]) -> list[Scores]:
        return [Scores(np.array([[-len(a.text) / 10] * 2 for a in group], np.float32)) for group in answers]


@pytest.fixture
def trainable() -> ExtractiveTrainable:
    plain = Prior.similarity()
    return ExtractiveTrainable(ExtractivePolicy(HashingEmbedder(), prior=replace(plain, pointer=plain.pointer / 20)))


PROMPTS = [make_prompt(f"When is refund {n} paid?") for n in range(150)]


def test_the_base_is_at_no_distance_from_itself(trainable: ExtractiveTrainable) -> None:
    seen = look(trainable, BRIEF, step=0, prompts=PROMPTS[:8], held_out=None)
    assert (seen.kl, seen.loss, seen.abstained) == (0.0, None, 0.0)
    assert seen.words > 5
    assert seen == look(trainable, BRIEF, step=0, prompts=PROMPTS[:8], held_out=None)


def test_kl_is_that_of_the_policys_own_answers(trainable: ExtractiveTrainable) -> None:
    """Against the divergence of every possible answer, listed."""
    with torch.no_grad():
        trainable.parameters()["pointer"][0] += 2.0
        trainable.parameters()["halt"][0] += 4.0
    prompt = make_prompt(texts=("Refunds are paid late. Parcels are slow.",))
    actions = [(-1,), (0, -1), (1, -1), (0, 1, -1), (1, 0, -1)]
    played = [Answer("", "v", "stop", Sampling(), None, 0, actions=one) for one in actions]
    replays = trainable.policy.replays([prompt] * 5, played)
    ours = trainable.module(replays).sum(1).detach()
    base = replays.logprobs(trainable._base).sum(1).detach()
    assert float(ours.exp().sum()) == pytest.approx(1.0, abs=1e-4)
    exact = float((ours.exp() * (ours - base)).sum())
    seen = look(trainable, BRIEF, step=0, prompts=[prompt] * 800, held_out=None)
    assert seen.kl == pytest.approx(exact, abs=0.1)
    assert seen.abstained == pytest.approx(float(ours[0].exp()), abs=0.05)


def test_silence_is_seen(trainable: ExtractiveTrainable) -> None:
    with torch.no_grad():
        trainable.parameters()["halt"][HALT_FEATURES.index("begin")] += 40.0
    seen = look(trainable, BRIEF, step=3, prompts=PROMPTS[:6], held_out=None, reward=Brevity())
    assert (seen.step, seen.abstained, seen.distinct) == (3, 1.0, pytest.approx(1 / 6))
    assert seen.figures["reward"] == pytest.approx(-len(ABSTENTION) / 10)


def test_held_out_judgements_are_only_looked_at(trainable: ExtractiveTrainable, tmp_path: Path) -> None:
    judged = [replace(e, pairs=(Pair(0, 2, "first", 1.0, "v"),)) for e in examples(trainable, 10)]
    config = replace(BRIEF, methods=("dpo",), flip_rate=0.0)
    objective = JudgedObjective(prepare(trainable, judged, config).items, config)
    loss, figures = held_out_loss(trainable, objective, config)
    assert loss == pytest.approx(float(np.log(2)), abs=1e-5)
    assert figures["accuracy"] == 0.5
    parts, _ = held_out_loss(trainable, objective, replace(config, groups_at_once=3))
    assert parts == pytest.approx(loss, abs=1e-6)
    told: list[Progress] = []
    result = train_policy(
        trainable, judged[:6], config, run_dir=tmp_path, held_out=judged[6:], reward=Brevity(), progress=told.append
    )
    assert [one.step for one in told] == list(range(1, 41))
    assert {one.steps for one in told} == {40}
    looks = result.metrics["looks"]
    assert [one["step"] for one in looks] == [0, 20, 40]
    assert all("reward" in one["figures"] for one in looks)
    assert result.metrics["kept"]["loss"] == min(one["loss"] for one in looks)
