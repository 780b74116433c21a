"""One policy update from judged answers, whatever the policy: the part of a cycle that learns.

`auto` on the embedded policy takes the likelihoods that suit few noisy votes (`training/updates/pointing.py`). Methods
asked for by name, and the causal policy, go through the losses that all policies share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from retrieval.embed.base import Embedder
from training.datasets.examples import Example
from training.datasets.synthetic import unanswerable
from training.pipeline.options import pointing_options
from training.policy.base import never
from training.reward.base import RewardModel
from training.updates.config import UpdateConfig
from training.updates.devices import Devices
from training.updates.loop import Progress, UpdateResult, train_policy
from training.updates.point import STEPS, train_pointer
from training.updates.pointing import PointingConfig
from training.updates.ppo import train_ppo
from training.updates.ppo_config import PPOConfig, ppo_update
from training.updates.rewards import Grounded
from training.updates.trainable import Trainable

REHEARSED = 0.25  # weight of declining a question whose documents were taken away, against one judgement


def update(
    trainable: Trainable,
    examples: Sequence[Example],
    methods: tuple[str, ...],
    *,
    auto: bool,
    encoder: Embedder,
    reward: RewardModel,
    run_dir: Path,
    held_out: Sequence[Example] = (),
    options: Mapping[str, Any] | None = None,
    ppo: PPOConfig | None = None,
    seed: int = 0,
    grounded: Grounded | None = None,
    progress: Callable[[Progress], None] | None = None,
    stopped: Callable[[], bool] = never,
    devices: Devices | None = None,
) -> UpdateResult:
    """Update a policy in place, from its base.

    Args:
        trainable: The policy, at its base.
        examples: What is learned from.
        methods: Some of sft, kto, dpo, or ppo alone.
        auto: Whether the methods were chosen for the data, not asked for.
        encoder: The shared sentence encoder.
        reward: What PPO follows; the others only look at it.
        run_dir: For metrics and checkpoints; a run that was killed goes on there.
        held_out: Judged prompts that nothing is learned from; with `keep = best` their loss says which weights stay.
        options: Settings of the update by name.
        ppo: Settings of PPO.
        seed: Of everything drawn.
        grounded: Tells PPO how well an answer is supported; None for policies whose answers are verbatim.
        progress: Told after every step.
        stopped: Asked before every step.
        devices: The processes of the job; found out when None.

    Returns:
        How it ended.

    Raises:
        NothingToTrain: No example can be used.
        BadConfig: A setting does not exist or cannot work.
        Interrupted: `stopped` gave true; a checkpoint was written.
    """
    changes = {"seed": seed, **(options or {})}
    pointing = pointing_options(changes) if auto and trainable.kind == "extractive" else {}
    if pointing and methods == ("ppo",):  # the operator set them for when the data would choose otherwise
        changes = {name: value for name, value in changes.items() if name not in pointing or name == "flip_rate"}
    if auto and trainable.kind == "extractive" and methods != ("ppo",):
        return train_pointer(
            trainable,
            examples,
            encoder,
            run_dir=run_dir,
            held_out=held_out,
            config=UpdateConfig.for_policy(
                "extractive",
                **{"epochs": STEPS, "keep": "last"} | {n: v for n, v in changes.items() if n not in pointing},
            ),
            pointing=PointingConfig(**pointing),
            progress=progress,
            stopped=stopped,
            devices=devices,
        )
    if methods == ("ppo",):
        return train_ppo(
            trainable,
            examples,
            reward,
            ppo_update(trainable.kind, **changes),
            ppo or PPOConfig(),
            run_dir=run_dir,
            held_out=held_out,
            grounded=grounded,
            progress=progress,
            stopped=stopped,
            devices=devices,
        )
    config = UpdateConfig.for_policy(trainable.kind, methods=methods, **changes)
    taught = [*examples, *unanswerable(examples, seed, weight=REHEARSED)]
    if "sft" not in config.methods:
        taught = [replace(example, targets=()) for example in examples]
    return train_policy(
        trainable,
        taught,
        config,
        run_dir=run_dir,
        held_out=held_out,
        reward=reward,
        progress=progress,
        stopped=stopped,
        devices=devices,
    )
