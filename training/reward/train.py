"""Train a reward model on judged answers: one loss over comparisons and votes, all heads at once, then calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from retrieval.embed import Embedder
from training.datasets.examples import Example
from training.policy.base import Answer, Prompt
from training.reward.calibrate import ENOUGH, calibrate
from training.reward.config import FEATURES as FEATURE_BASE
from training.reward.config import RewardConfig
from training.reward.features.describe import Describer
from training.reward.features.names import FEATURES
from training.reward.heads import Heads, fit_heads
from training.reward.judgements import gather, require
from training.reward.look import looking
from training.reward.model import Scale, TrainedReward
from training.reward.representation import FeatureRepresentation, Progress, Record, represent
from training.reward.select import choose

Floats = npt.NDArray[np.float64]


def train_reward(
    examples: Sequence[Example],
    config: RewardConfig | None = None,
    *,
    encoder: Embedder | None,
    calibration: Sequence[Example] = (),
    progress: Progress | None = None,
    describer: Describer | None = None,
    record: Record | None = None,
    held_out: Sequence[Example] = (),
) -> TrainedReward:
    """Train.

    Args:
        examples: To learn from.
        config: How; None for the defaults.
        encoder: The shared sentence encoder.
        calibration: Judgements of other voters, to calibrate on; where there are fewer than 50, predictions for
            held-out folds of `examples` serve instead.
        progress: Told what is being done, and its share done.
        describer: Shared by trainings over the same prompts, so that each is taken apart once.
        record: Told the loss step by step.
        held_out: Judged prompts on which `record` is told how right the model is meanwhile; nothing depends on them.

    Returns:
        The trained model. The same arguments give the same model.

    Raises:
        ValueError: The base needs an encoder and none was given.
    """
    config = config or RewardConfig()
    require(gather(examples), config.floors)
    if encoder is None:
        raise ValueError("a reward model needs the sentence encoder")
    if config.base != FEATURE_BASE:
        from training.reward.finetune import train_finetuned

        return train_finetuned(
            examples,
            config,
            encoder=encoder,
            calibration=calibration,
            progress=progress,
            describer=describer,
            record=record,
        )
    model, heads = fit_features(
        examples,
        config,
        encoder=encoder,
        progress=progress,
        describer=describer,
        record=record,
        held_out=held_out,
    )
    return _recalibrated(model, calibration, heads.position)


def fit_features(
    examples: Sequence[Example],
    config: RewardConfig,
    *,
    encoder: Embedder,
    progress: Progress | None = None,
    describer: Describer | None = None,
    record: Record | None = None,
    held_out: Sequence[Example] = (),
) -> tuple[TrainedReward, Heads]:
    """Fit heads over named features, calibrated on left-out folds of the same examples.

    Args:
        examples: To learn from; enough of them.
        config: How.
        encoder: The shared sentence encoder.
        progress: Told what is being done, and its share done.
        describer: See `train_reward`.
        record: Told the loss of the heads, each time it is computed.
        held_out: See `train_reward`.

    Returns:
        The model, and the heads with the nuisances that are no part of it.
    """
    found = gather(examples)
    wants = config.semantic != 0 and any(config.semantics) if config.semantic is None else config.semantic > 0
    full = FeatureRepresentation(encoder, semantic=wants, describer=describer)
    raw = represent(full, *_texts(examples), progress)
    scale = Scale.of(raw, config.clip)
    table = scale.apply(raw)
    segments = [example.segment for example in examples] if config.segments else None
    questions = [example.prompt.query.casefold() for example in examples]
    chosen = choose(table, found, config, len(FEATURES), questions=questions, segments=segments)
    kept = len(full.columns) if chosen.semantic else len(FEATURES)
    final = FeatureRepresentation(encoder, semantic=chosen.semantic > 0, describer=full.describer)
    strength = chosen.precisions(kept, len(FEATURES))
    look = None
    if record is not None and held_out:
        unseen = scale.apply(represent(full, *_texts(held_out)))[:, :kept]
        look = looking(unseen, held_out, record)
    heads = fit_heads(table[:, :kept], found, config, strength, segments=segments, record=record, look=look)
    model = TrainedReward(
        representation=final,
        scale=Scale(scale.mean[:kept], scale.spread[:kept], config.clip),
        weights=heads.weights,
        segments=heads.segments,
        calibration=calibrate(chosen.outside, heads.position, found, config, fitted_on="other folds"),
        config=config,
        facts={
            "precision": chosen.precision,
            "semantic": chosen.semantic,
            "chosen": chosen.losses,
            "position": heads.position,
            "voters": len(heads.leniency),
            "leniency_spread": float(np.std(list(heads.leniency.values()))) if heads.leniency else 0.0,
            "judgements": int(len(found.first) + len(found.answer)),
            "examples": len(examples),
        },
    )
    return model, heads


def _recalibrated(model: TrainedReward, calibration: Sequence[Example], position: float) -> TrainedReward:
    """Calibrate on judgements of their own, where there are enough."""
    held = gather(calibration)
    if len(held.first) + len(held.answer) < ENOUGH:
        return model
    plain = replace(model.calibration, temperature=1.0, bias=0.0)
    scores = replace(model, calibration=plain).score(*_texts(calibration))
    rewards = np.concatenate([found.mean for found in scores]).astype(np.float64)
    fitted = calibrate(rewards, position, held, model.config, fitted_on="calibration split")
    return replace(model, calibration=fitted)


def _texts(examples: Sequence[Example]) -> tuple[list[Prompt], list[tuple[Answer, ...]]]:
    return [example.prompt for example in examples], [example.answers for example in examples]
