"""PPO follows a reward that is known, and stops where it should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.updates.ppo_world import PLAIN, Likes, asked, extractive, lines, says, weights
from training.policy.base import Answer, Prompt, Sampling
from training.reward.base import Scores
from training.updates.checkpoint import OtherRun
from training.updates.config import BadConfig, UpdateConfig
from training.updates.critic import WithCritic
from training.updates.extractive import ExtractiveTrainable
from training.updates.look import score
from training.updates.loop import Interrupted, NothingToTrain, UpdateResult
from training.updates.ppo import PPOObjective, train_ppo
from training.updates.ppo_config import PPOConfig, ppo_update

PPO = PPOConfig(mix=PLAIN)
UPDATE = ppo_update(
    "extractive",
    steps=12,
    groups_per_step=4,
    learning_rate=0.1,
    evaluate_prompts=8,
    evaluate_every=2.0,
    max_length_growth=9.0,
)


def update(
    where: Path, config: UpdateConfig = UPDATE, ppo: PPOConfig = PPO, *, calls: int = 10**9
) -> tuple[ExtractiveTrainable, UpdateResult]:
    """Train; asked to stop after so many steps."""
    trainable, left = extractive(), iter(range(calls))

    def stopped() -> bool:
        return next(left, None) is None

    return trainable, train_ppo(trainable, asked(8), says("1998"), config, ppo, run_dir=where, stopped=stopped)


def share(trainable: ExtractiveTrainable, word: str) -> float:
    """Give how many of many drawn answers say a word."""
    answers = [a for e in asked(4) for a in trainable.draw(e.prompt, 32, Sampling(temperature=1.0, seed=9))]
    return sum(word in answer.text for answer in answers) / len(answers)


def gradient(trainable: ExtractiveTrainable, reward: Likes, config: PPOConfig) -> torch.Tensor:
    """Give the gradient of a first step."""
    objective = PPOObjective(trainable, [e.prompt for e in asked(4)], reward, config)
    items = objective.items(range(4), 0)
    loss, _ = objective.loss(items, score(trainable, items), 1.0)
    loss.backward()  # type: ignore[no-untyped-call]
    found = [leaf.grad for leaf in trainable.parameters().values()]
    return torch.cat([grad.flatten() for grad in found if grad is not None])


@pytest.mark.parametrize("baseline", ["leave_one_out", "gae"])
def test_the_reward_rises_within_the_budget(tmp_path: Path, baseline: str) -> None:
    before = share(extractive(), "1998")
    trainable, result = update(tmp_path, ppo=replace(PPO, baseline=baseline))  # type: ignore[arg-type]
    assert (result.stopped, result.method, result.steps) == (None, "ppo", 24)
    assert share(trainable, "1998") > before + 0.3
    assert 0.05 < result.metrics["kept"]["kl"] <= UPDATE.kl_budget
    rewards = [float(str(line["reward"])) for line in lines(tmp_path) if "look" not in line]
    assert sum(rewards[-6:]) > sum(rewards[:6])
    assert not any("critic" in name for name in trainable.adapter_files({}))


def test_the_kl_budget_stops_it_with_the_last_good_state(tmp_path: Path) -> None:
    tight = replace(UPDATE, kl_budget=0.3, learning_rate=0.2, evaluate_every=0.5)
    trainable, result = update(tmp_path, tight, replace(PPO, kl_coefficient=0.0))
    looks = result.metrics["looks"]
    assert result.stopped is not None
    assert result.stopped.startswith("KL to the base is")
    assert looks[-1]["kl"] > 0.3 >= result.metrics["kept"]["kl"]
    assert result.kept == looks[-2]["step"] < result.steps
    again, _ = update(tmp_path / "free", replace(tight, kl_budget=99.0, warmup=0.0), replace(PPO, kl_coefficient=0.0))
    assert not torch.equal(weights(again), weights(trainable))


def test_a_stopped_run_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    config = replace(UPDATE, steps=3, groups_per_step=4, checkpoint_every=1, evaluate_every=1.0)
    for baseline in ("leave_one_out", "gae"):
        ppo = replace(PPO, baseline=baseline)
        whole, result = update(tmp_path / f"whole-{baseline}", config, ppo)
        where = tmp_path / f"cut-{baseline}"
        for calls in (2, 2):
            with pytest.raises(Interrupted):
                update(where, config, ppo, calls=calls)
        again, resumed = update(where, config, ppo)
        assert torch.equal(weights(whole), weights(again))
        assert resumed.metrics["looks"] == result.metrics["looks"]
        assert lines(where) == lines(tmp_path / f"whole-{baseline}")


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    brief = replace(UPDATE, steps=3)
    first, again = (weights(update(tmp_path / name, brief)[0]) for name in ("a", "b"))
    other = weights(update(tmp_path / "c", replace(brief, seed=1))[0])
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_checkpoints_of_another_run_are_refused(tmp_path: Path) -> None:
    brief = replace(UPDATE, steps=2)
    update(tmp_path, brief)
    with pytest.raises(OtherRun):
        update(tmp_path, brief, replace(PPO, clip=0.3))


def test_equal_rewards_teach_nothing() -> None:
    """All answers are worth the same, so there is nothing to move towards; whitening must not make something of it."""
    for whiten in (True, False):
        config = replace(PPO, kl_coefficient=0.0, whiten=whiten)
        assert not gradient(extractive(), Likes(lambda _: 1.0), config).any()
    assert gradient(extractive(), says("1998"), replace(PPO, kl_coefficient=0.0)).any()


def test_the_gradient_is_that_of_the_expected_reward() -> None:
    """The first step is REINFORCE: each answer's log-probability times its advantage, averaged over the answers."""
    trainable, config = extractive(), replace(PPO, whiten=False, kl_coefficient=0.0)
    found = gradient(trainable, says("1998"), config)
    objective = PPOObjective(trainable, [e.prompt for e in asked(4)], says("1998"), config)
    expected = torch.zeros_like(found)
    for item in objective.items(range(4), 0):
        worth = torch.tensor([float("1998" in answer.text) for answer in item.group.answers])
        others = (worth.sum() - worth) / 3
        logprobs, _ = trainable.logprobs(item.group)
        surrogate = -((worth - others) * logprobs.sum(-1)).sum() / 16
        expected += torch.cat(torch.autograd.grad(surrogate, list(trainable.parameters().values())))
    assert torch.allclose(found, expected, atol=1e-6)


def test_the_kl_penalty_pulls_back_to_the_base() -> None:
    trainable = extractive()
    with torch.no_grad():
        trainable.parameters()["pointer"].add_(0.5)
    config = replace(PPO, whiten=False, rollouts=16)
    away = gradient(trainable, Likes(lambda _: 0.0), replace(config, kl_coefficient=1.0))
    assert float(away @ torch.cat([w.detach() for w in trainable.parameters().values()])) > 0


def test_doubtful_rewards_count_less() -> None:
    class Doubted(Likes):
        """Likes a word, but its heads disagree about it."""

        def score(self, prompts: Sequence[Prompt], answers: Sequence[Sequence[Answer]]) -> list[Scores]:
            doubts = [np.array([["1998" in a.text] for a in group], np.float32) for group in answers]
            return [Scores(doubt * np.array([[0.0, 2.0]], np.float32)) for doubt in doubts]

    for k, worth in ((1.0, 0.0), (0.0, 1.0)):
        config = replace(PPO, mix=replace(PLAIN, uncertainty=k))
        objective = PPOObjective(extractive(), [e.prompt for e in asked(4)], Doubted(lambda _: 0.0), config)
        for item in objective.items(range(4), 0):
            said = torch.tensor([worth * ("1998" in answer.text) for answer in item.group.answers])
            assert torch.allclose(item.rollout.rewards, said)


def test_figures_of_a_step(tmp_path: Path) -> None:
    update(tmp_path, replace(UPDATE, steps=2))
    step = next(line for line in lines(tmp_path) if line["step"] == 1 and "look" not in line)
    assert step["reward"] == pytest.approx(step["proxy"])
    assert {"proxy_std", "kl", "entropy", "words", "abstained", "clip_fraction", "reward_spread"} <= step.keys()
    assert step["clip_fraction"] == 0.0  # the first step on fresh answers moves nothing outside the clip
    assert step["kl"] == pytest.approx(0.0, abs=1e-5)
    assert float(str(step["entropy"])) > 0.0


def test_what_cannot_work_is_refused(tmp_path: Path) -> None:
    for wrong in ({"rollouts": 1}, {"baseline": "mean"}, {"clip": 0.0}, {"repeats": 0}, {"kl_coefficient": -1.0}):
        with pytest.raises(BadConfig):
            PPOConfig(**wrong)
    with pytest.raises(BadConfig):
        ppo_update("remote")
    with pytest.raises(NothingToTrain):
        train_ppo(extractive(), [], says("x"), UPDATE, PPO, run_dir=tmp_path)
    with pytest.raises(ValueError, match="critic"):
        PPOObjective(extractive(), [], says("x"), replace(PPO, baseline="gae"))


def test_the_critic_learns_what_to_expect(tmp_path: Path) -> None:
    """Where every answer is worth 1, the critic comes to say so."""
    learner = WithCritic(extractive())
    ppo = replace(PPO, baseline="gae", kl_coefficient=0.0)
    objective = PPOObjective(learner, [e.prompt for e in asked(3)], Likes(lambda _: 1.0), ppo)
    critic = [learner.parameters()[name] for name in ("critic.weight", "critic.bias")]
    adam = torch.optim.Adam(critic, lr=0.1)
    for _ in range(30):
        items = objective.items(range(3), 0)
        adam.zero_grad()
        loss, _ = objective.loss(items, score(learner, items), 1.0)
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
    lesson = objective.items([0], 1)[0]
    assert lesson.values is not None
    assert lesson.values[lesson.rollout.mask].mean() == pytest.approx(1.0, abs=0.2)
