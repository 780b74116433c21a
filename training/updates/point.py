"""Train the embedded policy on judged answers, with rehearsed silence: the way that suits it best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from retrieval.embed import Embedder
from training.datasets.examples import Example
from training.policy.base import never
from training.updates.config import UpdateConfig
from training.updates.devices import Devices
from training.updates.loop import NothingToTrain, Progress, UpdateResult, train_policy
from training.updates.pointing import PointingConfig, PointingObjective, hold_silence, prepare_pointing
from training.updates.rehearsal import rehearse
from training.updates.trainable import Trainable

STEPS = 200  # of Adam on everything at once: as good as a second-order solver run to its end


def train_pointer(
    trainable: Trainable,
    examples: Sequence[Example],
    encoder: Embedder,
    *,
    run_dir: Path,
    held_out: Sequence[Example] = (),
    config: UpdateConfig | None = None,
    pointing: PointingConfig | None = None,
    progress: Callable[[Progress], None] | None = None,
    stopped: Callable[[], bool] = never,
    devices: Devices | None = None,
) -> UpdateResult:
    """Update the embedded policy in place, from its base with the whole window.

    Args:
        trainable: The embedded policy, at its base.
        examples: Judged prompts.
        encoder: The one that retrieval used: it searches for passages that do not answer.
        run_dir: For metrics and checkpoints.
        held_out: Judged prompts that are only looked at.
        config: Steps and rates; its losses are not used. The defaults when None.
        pointing: Weights of the likelihoods; the defaults when None.
        progress: Told after every step.
        stopped: Asked before every step.
        devices: The processes of the run; found out when None.

    Returns:
        How it ended; `metrics` also tell the number of rehearsals and the shift that holds silence.

    Raises:
        NothingToTrain: No example has a judgement that can be used.
    """
    pointing = pointing or PointingConfig()
    config = config or UpdateConfig.for_policy("extractive", epochs=STEPS, keep="last")
    rehearsals = rehearse(examples, encoder)
    items, left_out = prepare_pointing(trainable, examples, rehearsals)
    if not sum(item.weight for item in items):
        raise NothingToTrain(f"none of {len(examples)} examples can be used: {left_out}")
    result = train_policy(
        trainable,
        examples,
        replace(config, l2=0.0),  # the objective has a penalty of its own
        run_dir=run_dir,
        held_out=held_out,
        objective=PointingObjective(trainable, items, pointing),
        progress=progress,
        stopped=stopped,
        devices=devices,
    )
    shift = hold_silence(trainable, items, pointing.silence_slack)
    metrics = {**result.metrics, "rehearsals": len(rehearsals), "silence_shift": shift}
    return replace(result, method="pointing", metrics=metrics, left_out={**result.left_out, **left_out})
