"""Train a transformer base: heads over named features first, then a LoRA adapter learns what they leave unexplained.

The features' heads and the nuisances come from the convex fit and stay as they are, so the transformer starts at their
prediction and is a residual; how much of it is believed is chosen on judgements that it was not trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from retrieval.embed import Embedder
from training.datasets.examples import Example
from training.losses import bradley_terry, vote_logistic
from training.reward.backbone import Backbone, FinetunedRepresentation, open_backbone
from training.reward.calibrate import ENOUGH, calibrate
from training.reward.config import FEATURES as FEATURE_BASE
from training.reward.config import RewardConfig
from training.reward.features.describe import Describer
from training.reward.heads import Heads
from training.reward.judgements import Judgements, gather, require
from training.reward.model import Scale, TrainedReward
from training.reward.representation import FeatureRepresentation, Progress, Record, represent
from training.reward.select import judged_loss
from training.reward.train import fit_features

Floats = npt.NDArray[np.float64]
_SHARES = (0.0, 0.25, 0.5, 1.0)  # of the transformer's residual
_STATE_PRECISION = 100.0  # of the heads' weights on states
_HELD_OUT = 0.2  # of the prompts, to choose the share on where no calibration split is given


def train_finetuned(
    examples: Sequence[Example],
    config: RewardConfig,
    *,
    encoder: Embedder,
    calibration: Sequence[Example] = (),
    progress: Progress | None = None,
    describer: Describer | None = None,
    record: Record | None = None,
) -> TrainedReward:
    """Train; see `training.reward.train.train_reward`, which calls this for every base but "features".

    Args:
        examples: To learn from.
        config: How.
        encoder: The shared sentence encoder, for the named features.
        calibration: Judgements of other voters; where there are fewer than 50, a fifth of the prompts is held out.
        progress: Told what is being done, and its share done.
        describer: Shared by trainings over the same prompts.
        record: Told the loss after every step.

    Returns:
        The trained model. The same arguments give the same model on a CPU.
    """
    held = gather(calibration)
    if len(held.first) + len(held.answer) < ENOUGH:
        order = np.random.default_rng(config.seed).permutation(len(examples))
        cut = max(int(len(examples) * _HELD_OUT), 1)
        calibration = [examples[at] for at in sorted(order[:cut])]
        examples = [examples[at] for at in sorted(order[cut:])]
    found = gather(examples)
    require(found, config.floors)
    linear = replace(config, base=FEATURE_BASE, kind="auto", semantic=0.0)
    plain, heads = fit_features(examples, linear, encoder=encoder, describer=describer)
    features = plain.representation
    assert isinstance(features, FeatureRepresentation), "that is what the base asks for"
    backbone = open_backbone(config.base, config.kind, config.lora, config.seed, features)
    known = _Known(found, heads, _bare_rewards(plain, examples), found.weight * config.heads, len(examples))
    weights = _adapt(backbone, examples, known, config, progress, record)
    representation = FinetunedRepresentation(features, backbone, config.lora, config.seed)
    model = TrainedReward(
        representation=representation,
        scale=Scale(
            np.concatenate([plain.scale.mean, np.zeros(backbone.width)]),
            np.concatenate([plain.scale.spread, np.ones(backbone.width)]),
            config.clip,
        ),
        weights=np.concatenate([plain.weights, weights], axis=1),
        segments={name: np.concatenate([delta, np.zeros(backbone.width)]) for name, delta in plain.segments.items()},
        calibration=replace(plain.calibration, temperature=1.0, bias=0.0),
        config=config,
        facts=dict(plain.facts),
    )
    return _settled(model, calibration, len(plain.scale.mean))


@dataclass(frozen=True)
class _Known:
    """What the convex fit left: everything but the residual that the transformer learns."""

    found: Judgements
    heads: Heads  # for the nuisances
    rewards: Tensor  # (N, H), of the features
    mass: float  # of all judgements, times the heads
    examples: int


def _bare_rewards(plain: TrainedReward, examples: Sequence[Example]) -> Tensor:
    """Give what the features' heads say about every answer, `(N, H)`, uncalibrated: all is calibrated together."""
    bare = replace(plain, calibration=replace(plain.calibration, temperature=1.0, bias=0.0))
    scores = bare.score([example.prompt for example in examples], [example.answers for example in examples])
    return torch.from_numpy(np.concatenate([found.heads for found in scores]))


def _adapt(
    backbone: Backbone,
    examples: Sequence[Example],
    problem: _Known,
    config: RewardConfig,
    progress: Progress | None,
    record: Record | None,
) -> Floats:
    """Train adapter and heads; give the heads' weights on the states, `(H, width)`."""
    lora, rng = config.lora, np.random.default_rng(config.seed)
    boot = torch.from_numpy(rng.standard_exponential((config.heads, len(examples)))).float()
    # Each head starts elsewhere, small: the adapter's gradient must not begin at zero, nor the residual far from it.
    start = torch.from_numpy(rng.standard_normal((config.heads, backbone.width))).float() * 0.02
    weights = start.requires_grad_()
    adapter = [parameter for parameter in backbone.module.parameters() if parameter.requires_grad]
    rate = lora.learning_rate if backbone.kind == "causal" else lora.encoder_learning_rate
    optimiser = torch.optim.AdamW([*adapter, weights], lr=rate, weight_decay=0.0)
    judged = np.unique(np.concatenate([problem.found.pair_example, problem.found.vote_example]))
    steps = max(lora.epochs * -(-len(judged) // lora.batch), 1)
    ramp = max(int(steps * lora.warmup), 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / ramp, max(steps - step, 1) / max(steps - ramp, 1))
    )
    done = 0
    for _ in range(lora.epochs):
        order = rng.permutation(judged)
        for at in range(0, len(order), lora.batch):
            batch = order[at : at + lora.batch]
            optimiser.zero_grad()
            losses = []
            for number in batch:  # one prompt at a time: a long prompt's activations are not held for all
                loss = _prompt_loss(backbone, examples, number, problem, boot, weights, config)
                loss.backward()  # type: ignore[no-untyped-call]
                losses.append(loss.detach())
            (0.5 * _STATE_PRECISION * weights.square().sum() / problem.mass).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_([*adapter, weights], lora.clip)
            optimiser.step()
            schedule.step()
            done += 1
            if progress is not None:
                progress("adapting the base", done / steps)
            if record is not None:
                record("loss", done, float(torch.stack(losses).sum()))
    return weights.detach().cpu().double().numpy()


def _prompt_loss(
    backbone: Backbone,
    examples: Sequence[Example],
    number: int,
    problem: _Known,
    boot: Tensor,
    weights: Tensor,
    config: RewardConfig,
) -> Tensor:
    """Give the part of a step's loss that one prompt contributes."""
    part = problem.found.of(np.array([number]))
    start, end = problem.found.offsets[number : number + 2]
    states = backbone.states(examples[number].prompt, examples[number].answers).to(weights.device)
    rewards = problem.rewards[start:end] + states.clamp(-config.clip, config.clip) @ weights.T  # (K, H)
    first, second, answer = (
        rewards.T[:, torch.from_numpy(rows - start)].reshape(-1) for rows in (part.first, part.second, part.answer)
    )

    def each(values: npt.NDArray[np.float64]) -> Tensor:
        return torch.from_numpy(values).float().expand(config.heads, -1).reshape(-1)

    def weigh(values: npt.NDArray[np.float64]) -> Tensor:
        return (torch.from_numpy(values).float() * boot[:, number : number + 1]).reshape(-1)

    noise: dict[str, Any] = {"label_smoothing": config.label_smoothing, "flip_rate": config.flip_rate}
    mass = problem.mass * config.lora.batch / problem.examples
    leniency = np.array([problem.heads.leniency[voter] for voter in part.vote_voter], np.float64)
    pairs = bradley_terry(
        first,
        second,
        each(part.target),
        position=problem.heads.position * each(part.ordered),
        weights=weigh(part.pair_weight),
        total=mass,
        **noise,
    )
    votes = vote_logistic(
        answer,
        each(part.up),
        leniency=each(leniency),
        bias=torch.tensor(problem.heads.bias, dtype=torch.float32),
        weights=weigh(part.vote_weight),
        total=mass,
        **noise,
    )
    return pairs + votes


def _settled(model: TrainedReward, calibration: Sequence[Example], named: int) -> TrainedReward:
    """Choose how much of the residual to believe on held-out judgements, and calibrate on them."""
    held = gather(calibration)
    raw = represent(model.representation, [example.prompt for example in calibration], [e.answers for e in calibration])
    table = model.scale.apply(raw)
    mean = model.weights.mean(axis=0)
    plain, residual = table[:, :named] @ mean[:named], table[:, named:] @ mean[named:]
    position = float(model.facts["position"])
    tried = {}
    for share in _SHARES:
        rewards = plain + share * residual
        fitted = calibrate(rewards, position, held, model.config, fitted_on="calibration split")
        tried[share] = judged_loss(rewards / fitted.temperature, fitted.bias, position / fitted.temperature, held)
    best = min(_SHARES, key=lambda share: (tried[share], share))
    weights = np.concatenate([model.weights[:, :named], best * model.weights[:, named:]], axis=1)
    fitted = calibrate(plain + best * residual, position, held, model.config, fitted_on="calibration split")
    facts = {**model.facts, "residual": best, "residual_losses": {f"{share:g}": tried[share] for share in _SHARES}}
    return replace(model, weights=weights, calibration=fitted, facts=facts)
