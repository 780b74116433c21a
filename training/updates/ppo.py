"""PPO (Schulman et al. 2017, arXiv 1707.06347) on the policy's own fresh answers, rewarded by the reward model.

Every answer to a prompt ends in one reward, so the baseline is by default the mean of the other answers to the same
prompt (leave-one-out, arXiv 2402.14740), and no critic is needed. Losses are sums over actions divided by the number of
answers, so that long answers weigh neither more nor less, and every process knows the divisor.

It starts where the trainable stands: at the base, or at the champion when its adapter was loaded. KL is measured from
the base either way.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from training.datasets.examples import Example
from training.losses import clip_fraction, gae, leave_one_out, ppo_clip, value_clip_loss
from training.policy.base import Prompt, PromptTooLong, Sampling, never
from training.reward.base import RewardModel
from training.updates.checkpoint import OtherRun
from training.updates.config import UpdateConfig
from training.updates.critic import WithCritic
from training.updates.devices import Devices
from training.updates.lessons import Lesson, advantages_of, stack, whiten_all
from training.updates.loop import NothingToTrain, Progress, UpdateResult, train_policy
from training.updates.ppo_config import PPOConfig
from training.updates.rewards import Grounded
from training.updates.rollouts import Rollout, Task, draw_rollouts
from training.updates.terms import Scored
from training.updates.trainable import Trainable


class PPOObjective:
    """The clipped surrogate on answers drawn under the present weights; plugs into `train_policy`."""

    def __init__(
        self,
        trainable: Trainable,
        prompts: Sequence[Prompt],
        reward: RewardModel,
        config: PPOConfig | None = None,
        *,
        seed: int = 0,
        grounded: Grounded | None = None,
    ) -> None:
        """Prepare to draw. The policy must stand where training starts: its answers now are what length is measured
        against.

        Args:
            trainable: The policy; a `WithCritic` where the baseline is "gae".
            prompts: What is asked.
            reward: Predicts what people prefer.
            config: How to draw, reward and learn.
            seed: Of every draw.
            grounded: Tells how well an answer is supported; None for policies whose answers are verbatim.

        Raises:
            ValueError: The baseline is "gae" and there is no critic.
        """
        self.config = config or PPOConfig()
        self.repeats = self.config.repeats
        self.left_out: Counter[str] = Counter()
        self._trainable, self._reward, self._seed, self._grounded = trainable, reward, seed, grounded
        self._critic = trainable if isinstance(trainable, WithCritic) else None
        if self.config.baseline == "gae" and self._critic is None:
            raise ValueError("generalised advantages need a critic: give WithCritic(trainable)")
        self._prompts: list[Prompt] = []
        self._words: list[float] = []
        greedy = Sampling(max_tokens=self.config.max_tokens, seed=seed)
        for prompt in prompts:
            try:
                ((answer,),) = trainable.sample([prompt], 1, greedy)
            except PromptTooLong as error:
                self.left_out[str(error)] += 1
                continue
            self._prompts.append(prompt)
            self._words.append(float(max(len(answer.text.split()), 1)))
        said = [[prompt.query for prompt in self._prompts], self.config.as_dict(), seed, reward.version]
        self._mark = int.from_bytes(hashlib.sha256(json.dumps(said).encode()).digest()[:6], "big")

    def __len__(self) -> int:
        return len(self._prompts)

    def items(self, places: Sequence[int], step: int) -> Sequence[Lesson]:
        """Draw answers to the prompts at some places and reward them. The same weights give the same answers, so a run
        that goes on from a checkpoint draws what it would have drawn.
        """
        tasks = [Task(self._prompts[p], self._words[p], _seed(self._seed, step, p)) for p in places]
        rollouts = draw_rollouts(
            self._trainable, tasks, self._reward, self.config, grounded=self._grounded, left_out=self.left_out
        )
        lessons = self._judged(rollouts) if self._critic else self._compared(rollouts)
        if self.config.whiten and lessons:
            whiten_all(lessons)
        return lessons

    def loss(self, items: Sequence[Any], scored: Scored, share: float) -> tuple[Tensor, dict[str, float]]:
        """Give the loss of some lessons of a step.

        Args:
            items: Of this part of the step.
            scored: Their rows.
            share: How much of all prompts the whole step takes.

        Returns:
            The loss, to be summed over the parts; and sums for `finish`.
        """
        width = scored.mask.shape[1]
        old = stack([lesson.rollout.logprobs for lesson in items], width)
        advantages = advantages_of(items, width)
        total = share * len(self) * self.config.rollouts  # answers in the step
        clip = self.config.clip
        loss = ppo_clip(scored.logprobs, old, advantages, scored.mask, clip=clip, total=total)
        actions = float(scored.mask.sum())
        clipped = clip_fraction(scored.logprobs, old, advantages, scored.mask, clip=clip)
        sums = {"policy_loss": float(loss.detach()), "clipped": float(clipped) * actions, "drawn_actions": actions}
        if self._critic is not None:
            states = torch.cat([pad(one.states, (0, 0, 0, width - one.states.shape[1])) for one in items])
            values = self._critic.values(states)
            before, returns = (stack([getattr(o, name) for o in items], width) for name in ("values", "returns"))
            fit = value_clip_loss(values, before, returns, scored.mask, clip=clip, total=total)
            loss = loss + fit
            sums["value_loss"] = float(fit.detach())
        for lesson in items:
            for name, value in lesson.rollout.sums.items():
                sums[name] = sums.get(name, 0.0) + value
        return loss, sums

    def finish(self, sums: dict[str, float]) -> dict[str, float]:
        """Give the figures of a step.

        Args:
            sums: Of all parts of the step and all processes.

        Returns:
            Per answer: `reward` (all of it but the KL penalty), `proxy` and `proxy_std` (mean and disagreement of the
            reward model's heads), `reward_spread` within a prompt, `kl` from the base and `entropy` (nats; both
            estimated from the answers), `words`; shares `abstained` and `unfinished`; `clip_fraction` of the actions;
            the losses.
        """
        answers = sums.get("answers", 0.0) or 1.0
        found: dict[str, float] = {name: sums[name] for name in ("policy_loss", "value_loss") if name in sums}
        found |= {name: sums[name] / answers for name in _PER_ANSWER if name in sums}
        found["clip_fraction"] = sums.get("clipped", 0.0) / (sums.get("drawn_actions", 0.0) or 1.0)
        return found

    def state(self) -> dict[str, float]:
        """Give a mark of the prompts, settings and reward model; answers are drawn again."""
        return {"mark": float(self._mark)}

    def restore(self, state: Mapping[str, float]) -> None:
        """Check that the checkpoint is of this run.

        Args:
            state: From `state`.

        Raises:
            OtherRun: It has other prompts, settings or another reward model.
        """
        if state.get("mark") != float(self._mark):
            raise OtherRun("the checkpoints are of a PPO run on other prompts, settings or rewards: give a new run_dir")

    def _compared(self, rollouts: Sequence[Rollout]) -> list[Lesson]:
        """Set each answer against the other answers to its prompt."""
        rewards = [rollout.penalised(self.config.kl_coefficient) for rollout in rollouts]
        return [Lesson(r, leave_one_out(one[None])[0]) for r, one in zip(rollouts, rewards, strict=True)]

    def _judged(self, rollouts: Sequence[Rollout]) -> list[Lesson]:
        """Set each action against what the critic expected."""
        critic = self._critic
        assert critic is not None
        lessons = []
        for rollout in rollouts:
            states = critic.states(rollout.group)
            values = critic.values(states).detach() * rollout.mask
            rewards = rollout.step_rewards(self.config.kl_coefficient)
            advantages, returns = gae(values, rewards, rollout.mask, lam=self.config.gae_lambda)
            lesson = Lesson(rollout, advantages)
            lesson.states, lesson.values, lesson.returns = states, values, returns
            lessons.append(lesson)
        return lessons


def train_ppo(
    trainable: Trainable,
    examples: Sequence[Example],
    reward: RewardModel,
    config: UpdateConfig,
    ppo: PPOConfig | None = None,
    *,
    run_dir: Path,
    held_out: Sequence[Example] = (),
    grounded: Grounded | None = None,
    progress: Callable[[Progress], None] | None = None,
    stopped: Callable[[], bool] = never,
    devices: Devices | None = None,
) -> UpdateResult:
    """Update a policy in place by PPO on the prompts of some examples; their judgements are not looked at.

    Args:
        trainable: The policy, where training starts.
        examples: Their prompts are asked.
        reward: Predicts what people prefer.
        config: Rates and limits (`ppo_update`); KL budget, length and abstention stop the run at its last good state.
        ppo: How to draw, reward and learn.
        run_dir: For metrics and checkpoints; a run that was killed goes on where its last checkpoint stands.
        held_out: Prompts that the policy is looked at with; those of `examples` when there are none.
        grounded: Tells how well an answer is supported; None for policies whose answers are verbatim.
        progress: Told after every step, in the first process only.
        stopped: Asked before every step.
        devices: The processes of the run; found out when None.

    Returns:
        How it ended; prompts that could not be asked are counted by reason.

    Raises:
        NothingToTrain: No prompt can be asked.
        Interrupted: `stopped` gave true.
        OtherRun: The directory holds checkpoints of another run.
        StorageFull: The disk refused a checkpoint; the last good one still stands.
    """
    ppo = ppo or PPOConfig()
    learner: Trainable = WithCritic(trainable) if ppo.baseline == "gae" else trainable
    prompts = [example.prompt for example in examples]
    objective = PPOObjective(learner, prompts, reward, ppo, seed=config.seed, grounded=grounded)
    if not len(objective):
        raise NothingToTrain(f"none of {len(examples)} prompts can be asked: {dict(objective.left_out)}")
    result = train_policy(
        learner,
        examples,
        replace(config, methods=("ppo",)),
        run_dir=run_dir,
        held_out=held_out,
        reward=reward,
        objective=objective,
        progress=progress,
        stopped=stopped,
        devices=devices,
    )
    return replace(result, left_out=dict(objective.left_out))


_PER_ANSWER = (
    *("reward", "proxy", "proxy_std", "reward_spread", "kl"),
    *("entropy", "words", "abstained", "unfinished"),
)


def _seed(*parts: int) -> int:
    """Mix seed, step and place into one of 31 bits."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0]) >> 1
