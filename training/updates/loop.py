"""The training loop, the same for every policy and every objective.

Seeded order, accumulation, clipping, warm-up; a look at held-out examples every quarter of an epoch; the best or last
good weights stay. A run that diverges stops with them and says why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.datasets.examples import Example
from training.policy.base import Prompt, never
from training.reward.base import RewardModel
from training.updates.checkpoint import fingerprint, read_checkpoint, write_checkpoint
from training.updates.config import BadConfig, UpdateConfig
from training.updates.devices import Devices
from training.updates.items import Prepared, prepare
from training.updates.metrics import MetricsLog
from training.updates.objective import JudgedObjective, Objective
from training.updates.plots import write_plots
from training.updates.run import Run
from training.updates.trainable import Trainable


class Interrupted(Exception):
    """Somebody asked the run to stop. It goes on from its last checkpoint when it is started again."""


class NothingToTrain(ValueError):
    """No example can be used; the message counts the reasons."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is."""

    step: int  # done
    steps: int
    figures: dict[str, float]  # of this step


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """How a run ended. The policy has the weights of `kept`."""

    steps: int  # optimiser steps taken
    method: str
    stopped: str | None  # why it ended early
    kept: int  # optimiser steps behind the weights that stay
    metrics: dict[str, Any]  # looks: every evaluation; start, kept: the first and that of the kept weights; seconds
    left_out: dict[str, int] = field(default_factory=dict)  # judgements that could not be used, by reason

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return {name: getattr(self, name) for name in self.__slots__}


def train_policy(
    trainable: Trainable,
    examples: Sequence[Example],
    config: UpdateConfig,
    *,
    run_dir: Path,
    held_out: Sequence[Example] = (),
    reward: RewardModel | None = None,
    objective: Objective | None = None,
    progress: Callable[[Progress], None] | None = None,
    stopped: Callable[[], bool] = never,
    devices: Devices | None = None,
) -> UpdateResult:
    """Update a policy in place.

    Args:
        trainable: The policy, at its base.
        examples: What is trained on.
        config: Methods, rates and limits.
        run_dir: For metrics and checkpoints; a run that was killed goes on where its last checkpoint stands.
        held_out: Judged prompts that are only looked at.
        reward: Scores the policy's own answers at each look.
        objective: What is minimised; made from the examples and the configuration when None. PPO's needs one.
        progress: Told after every step, in the first process only.
        stopped: Asked before every step; once true a checkpoint is written and `Interrupted` raised.
        devices: The processes of the run; found out when None.

    Returns:
        How it ended.

    Raises:
        NothingToTrain: No example can be used.
        BadConfig: PPO without an objective.
        Interrupted: `stopped` gave true.
        OtherRun: The directory holds checkpoints of another run.
        StorageFull: The disk refused a checkpoint; the last good one still stands.
    """
    devices = devices or Devices()
    prepared = Prepared((), {})
    if objective is None:
        if "ppo" in config.methods:
            raise BadConfig("ppo needs an objective that draws answers and rewards them")
        prepared = prepare(trainable, examples, config)
        if not prepared.items:
            raise NothingToTrain(f"none of {len(examples)} examples can be used: {dict(prepared.left_out)}")
        objective = JudgedObjective(prepared.items, config)
    seen = JudgedObjective(
        prepare(trainable, held_out, config).items,
        config,
        like=objective if isinstance(objective, JudgedObjective) else None,
    )
    asked = _spread(held_out, config.evaluate_prompts)
    asked += _spread(examples, config.evaluate_prompts - len(asked))
    run = Run(trainable, config, objective, devices, seen, asked, reward)
    if stopped():
        raise Interrupted("stopped before the first step")
    mark = fingerprint(
        config.as_dict(),
        {name: leaf.shape for name, leaf in run.weights.items()},
        [
            *(item.group.key for item in prepared.items),
            *(example.prompt_id for example in (*examples, *held_out)),
            repr(getattr(objective, "config", None)),  # of an objective that was given
        ],
    )
    known = read_checkpoint(run_dir, mark)
    if known is not None:
        run.restore(known)
    log = MetricsLog(run_dir, steps=run.step) if devices.is_first else None
    started = time.perf_counter()

    def record(line: Mapping[str, Any]) -> None:
        if log is not None:
            log.add(line)

    if known is None:
        record({"look": True, **run.look().as_dict()})
    while not run.is_over:
        figures = run.advance(stop=stopped())
        if figures:
            record(figures)
            if progress is not None and devices.is_first:
                progress(Progress(run.step, run.steps, figures))
        if run.reason is None and run.is_time_to_look:
            record({"look": True, **run.look().as_dict()})
        if run.is_time_to_save:
            checkpoint = run.checkpoint()
            if devices.is_first:
                write_checkpoint(run_dir, checkpoint, mark)
            if run.stop_asked and not run.is_over:
                raise Interrupted(f"stopped after {run.step} of {run.steps} steps")
    run.keep()
    if devices.is_first:
        write_plots(run_dir)
    return UpdateResult(
        steps=run.step,
        method="+".join(config.methods),
        stopped=run.reason,
        kept=run.kept.step,
        metrics={
            "start": run.looks[0].as_dict(),
            "kept": run.kept.as_dict(),
            "looks": [one.as_dict() for one in run.looks],
            "seconds": time.perf_counter() - started,
        },
        left_out=dict(prepared.left_out),
    )


def _spread(examples: Sequence[Example], most: int) -> list[Prompt]:
    """Take the prompts of at most so many, evenly from all."""
    count = min(most, len(examples))
    return [examples[place * len(examples) // count].prompt for place in range(count)]
