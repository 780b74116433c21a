"""PPO on a tiny causal LM: the same objective, tokens for actions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.conftest import make_prompt
from tests.training.updates.ppo_world import PLAIN, Likes, lines, weights
from training.datasets.examples import Example
from training.losses import sequence_sum
from training.policy.causal import CausalLMPolicy
from training.updates.causal import CausalTrainable, LoraSettings
from training.updates.critic import WithCritic
from training.updates.look import score
from training.updates.loop import Interrupted, UpdateResult
from training.updates.ppo import PPOObjective, train_ppo
from training.updates.ppo_config import PPOConfig, ppo_update

SMALL = LoraSettings(rank=4, alpha=8)
PPO = PPOConfig(mix=PLAIN, max_tokens=8, rollouts=8)
UPDATE = ppo_update(
    "causal",
    steps=12,
    groups_per_step=2,
    learning_rate=1e-2,
    evaluate_prompts=2,
    evaluate_tokens=8,
    evaluate_every=4.0,
    max_length_growth=9.0,
)
EVEN = Likes(lambda answer: 4 * sum(token % 2 == 0 for token in answer.actions) / len(answer.actions))


@pytest.fixture
def policy(tiny_checkpoint: Path) -> Iterator[CausalLMPolicy]:
    policy = CausalLMPolicy.load(str(tiny_checkpoint), version="tiny", device="cpu")
    yield policy
    policy.close()


def asked(count: int) -> list[Example]:
    texts = ("Refunds are paid within thirty days of purchase.",)
    return [Example(f"p{n}", make_prompt(f"When is refund {n} paid?", texts), ()) for n in range(count)]


def objective(trainable: CausalTrainable | WithCritic, config: PPOConfig = PPO) -> PPOObjective:
    return PPOObjective(trainable, [e.prompt for e in asked(2)], Likes(lambda a: float("a" in a.text)), config)


def test_drawn_answers_are_scored_as_they_were_drawn(policy: CausalLMPolicy) -> None:
    trainable = CausalTrainable(policy, SMALL)
    made = objective(trainable)
    items = made.items(range(2), 0)
    assert len(items) == 2
    assert not made.left_out
    for item in items:
        drawn = torch.tensor([answer.logprob for answer in item.group.answers])
        assert torch.allclose(sequence_sum(item.rollout.logprobs, item.rollout.mask), drawn, atol=1e-3)
        assert len({answer.actions for answer in item.group.answers}) > 1
        assert all(len(answer.actions) <= 8 for answer in item.group.answers)


def test_the_critic_reads_the_states_that_predict_each_token(policy: CausalLMPolicy) -> None:
    learner = WithCritic(CausalTrainable(policy, SMALL))
    made = objective(learner, replace(PPO, baseline="gae"))
    items = made.items(range(2), 0)
    loss, sums = made.loss(items, score(learner, items), 1.0)
    loss.backward()  # type: ignore[no-untyped-call]
    found = {name: leaf.grad for name, leaf in learner.parameters().items()}
    assert all(grad is not None for grad in found.values())
    assert sums["value_loss"] > 0
    for item in items:
        assert item.states is not None
        assert item.states.shape == (*item.rollout.mask.shape, 64)
        assert not item.states.requires_grad


def train(policy: CausalLMPolicy, where: Path, *, calls: int = 10**9, steps: int = 8) -> UpdateResult:
    trainable, left = CausalTrainable(policy, SMALL), iter(range(calls))

    def stopped() -> bool:
        return next(left, None) is None

    config = replace(UPDATE, steps=steps, checkpoint_every=1)
    return train_ppo(trainable, asked(4), EVEN, config, PPO, run_dir=where, stopped=stopped)


@pytest.mark.slow
def test_the_reward_rises(policy: CausalLMPolicy, tmp_path: Path) -> None:
    config = replace(UPDATE, kl_budget=50.0, max_abstention_growth=1.0)
    trainable = CausalTrainable(policy, SMALL)
    result = train_ppo(trainable, asked(4), EVEN, config, replace(PPO, kl_coefficient=0.01), run_dir=tmp_path)
    rewards = [float(str(line["reward"])) for line in lines(tmp_path) if "look" not in line]
    assert result.left_out == {}
    assert sum(rewards[-4:]) / 4 > sum(rewards[:4]) / 4 + 0.4


@pytest.mark.slow
def test_a_stopped_run_goes_on_as_if_it_had_not_been(tiny_checkpoint: Path, tmp_path: Path) -> None:
    def fresh() -> CausalLMPolicy:
        return CausalLMPolicy.load(str(tiny_checkpoint), version="tiny", device="cpu")

    whole, cut = fresh(), fresh()
    result = train(whole, tmp_path / "whole", steps=3)
    with pytest.raises(Interrupted):
        train(fresh(), tmp_path / "cut", steps=3, calls=2)
    resumed = train(cut, tmp_path / "cut", steps=3)
    assert lines(tmp_path / "cut") == lines(tmp_path / "whole")
    assert resumed.metrics["looks"] == result.metrics["looks"]
    first, again = (weights(CausalTrainable(one, SMALL)) for one in (whole, cut))
    assert torch.equal(first, again)


def test_a_question_that_does_not_fit_is_left_out(policy: CausalLMPolicy, tmp_path: Path) -> None:
    endless = Example("long", make_prompt("why " * 4000, ()), ())
    trainable = CausalTrainable(policy, SMALL)
    config = replace(UPDATE, steps=1, evaluate_prompts=9)
    result = train_ppo(trainable, [*asked(2), endless], EVEN, config, PPO, run_dir=tmp_path)
    assert sum(result.left_out.values()) == 1
    assert result.metrics["start"]["answers"] == 2
