"""A reward model as files: `reward.json` and safetensors. Never pickle.

The column names stand in the manifest, so a model trained before a feature was added still loads: the new weight is
zero.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.embed import Embedder
from training.reward.calibrate import Calibration
from training.reward.config import Floors, LoraConfig, RewardConfig
from training.reward.errors import RewardDamaged
from training.reward.model import Floats, Scale, TrainedReward
from training.reward.representation import FeatureRepresentation, Representation

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
KIND = "reward"
MANIFEST = "reward.json"
HEADS = "heads.safetensors"


def pack(model: TrainedReward) -> dict[str, bytes]:
    """Give the files of a model by name.

    Args:
        model: A trained model.

    Returns:
        File contents; the same model gives the same bytes.
    """
    from safetensors.numpy import save

    segments = sorted(model.segments)
    manifest = {
        "format": FORMAT,
        "kind": KIND,
        "representation": model.representation.manifest(),
        "columns": list(model.representation.columns),
        "segments": segments,
        "clip": model.scale.clip,
        "calibration": model.calibration.as_dict(),
        "config": model.config.as_dict(),
        "facts": dict(model.facts),
    }
    tensors = {"mean": model.scale.mean, "spread": model.scale.spread, "weights": np.ascontiguousarray(model.weights)}
    if segments:
        tensors["segments"] = np.stack([model.segments[name] for name in segments])
    return {
        MANIFEST: json.dumps(manifest, indent=2, sort_keys=True).encode(),
        HEADS: save(tensors),
        **model.representation.files(),
    }


def load_reward(directory: Path, encoder: Embedder | None) -> TrainedReward:
    """Read a stored model.

    Args:
        directory: Where its files are.
        encoder: The shared sentence encoder; the model that it was trained with.

    Returns:
        The model.

    Raises:
        RewardDamaged: A file is missing or not readable, the format is another one, shapes do not agree, a number is
            not finite, or the encoder is another one.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        manifest: dict[str, Any] = json.loads((directory / MANIFEST).read_bytes())
        tensors = load((directory / HEADS).read_bytes())
    except (OSError, ValueError, SafetensorError) as error:
        raise RewardDamaged(f"{directory} does not hold a reward model: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND or manifest.get("format") != FORMAT:
        raise RewardDamaged(f"{directory} does not hold a reward model of format {FORMAT}")
    try:
        return _build(directory, manifest, tensors, encoder)
    except (KeyError, TypeError, ValueError, OSError, SafetensorError) as error:
        if isinstance(error, RewardDamaged):
            raise
        raise RewardDamaged(f"the reward model in {directory} is incomplete: {error!r}") from error


def _build(
    directory: Path, manifest: Mapping[str, Any], tensors: Mapping[str, Floats], encoder: Embedder | None
) -> TrainedReward:
    config = _config(manifest["config"])
    representation = _representation(directory, manifest["representation"], config, encoder)
    stored, wanted = list(manifest["columns"]), representation.columns
    size, count = len(stored), tensors["weights"].shape[0]
    shapes = {"mean": (size,), "spread": (size,), "weights": (count, size)}
    for name, shape in shapes.items():
        if tensors[name].shape != shape or not np.isfinite(tensors[name]).all():
            raise RewardDamaged(f"{name} in {directory} has another shape than {shape}, or is not finite")
    if (tensors["spread"] <= 0).any():
        raise RewardDamaged(f"spread in {directory} is not positive")
    unknown = set(stored) - set(wanted)
    if unknown:
        raise RewardDamaged(f"{directory} has weights for unknown features: {sorted(unknown)[:5]}")
    named = list(manifest["segments"])
    deltas = tensors.get("segments", np.zeros((0, size)))
    if deltas.shape != (len(named), size) or not np.isfinite(deltas).all():
        raise RewardDamaged(f"segments in {directory} do not match their names, or are not finite")
    calibration = Calibration(**manifest["calibration"])
    if not (np.isfinite(calibration.temperature) and calibration.temperature > 0 and np.isfinite(calibration.bias)):
        raise RewardDamaged(f"the calibration in {directory} is not finite")
    return TrainedReward(
        representation=representation,
        scale=Scale(
            _fill(tensors["mean"], stored, wanted, 0.0),
            _fill(tensors["spread"], stored, wanted, 1.0),
            float(manifest["clip"]),
        ),
        weights=np.stack([_fill(row, stored, wanted, 0.0) for row in tensors["weights"]]),
        segments={name: _fill(row, stored, wanted, 0.0) for name, row in zip(named, deltas, strict=True)},
        calibration=calibration,
        config=config,
        facts=dict(manifest["facts"]),
    )


def _config(stored: Mapping[str, Any]) -> RewardConfig:
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()}
    return RewardConfig(**plain | {"floors": Floors(**stored["floors"]), "lora": LoraConfig(**stored["lora"])})


def _representation(
    directory: Path, manifest: Mapping[str, Any], config: RewardConfig, encoder: Embedder | None
) -> Representation:
    if encoder is None or encoder.model_name != manifest["encoder"]:
        given = "none" if encoder is None else encoder.model_name
        raise RewardDamaged(f"{directory} was trained with the encoder {manifest['encoder']}, not {given}")
    if manifest["kind"] == "features":
        return FeatureRepresentation(encoder, semantic=bool(manifest["semantic"]))
    if manifest["kind"] in ("encoder", "causal"):
        from training.reward.backbone import ADAPTER, FinetunedRepresentation, open_backbone, restore_adapter

        features = FeatureRepresentation(encoder, semantic=bool(manifest["semantic"]))
        backbone = open_backbone(manifest["base"], manifest["kind"], config.lora, int(manifest["seed"]), features)
        restore_adapter(backbone.module, (directory / ADAPTER).read_bytes())
        return FinetunedRepresentation(features, backbone, config.lora, int(manifest["seed"]))
    raise RewardDamaged(f"{directory} has a base of unknown kind {manifest['kind']!r}")


def _fill(values: Floats, stored: list[str], wanted: tuple[str, ...], absent: float) -> Floats:
    known = dict(zip(stored, values.tolist(), strict=True))
    return np.array([known.get(name, absent) for name in wanted], np.float64)
