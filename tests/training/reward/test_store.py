"""A stored model scores as before, and a damaged one is refused."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from retrieval.embed.hashing import HashingEmbedder
from tests.training.reward.world import ENCODER, pairs_world
from training.reward.config import RewardConfig
from training.reward.errors import RewardDamaged
from training.reward.model import TrainedReward
from training.reward.store import load_reward
from training.reward.train import train_reward

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def model() -> TrainedReward:
    world = [replace(e, prompt=replace(e.prompt, segment=("de", "no")[at % 2])) for at, e in enumerate(pairs_world(30))]
    return train_reward(world, RewardConfig(precision=30.0, semantic=1000.0, segments=True), encoder=ENCODER)


def written(files: Files, folder: Path) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_a_stored_model_scores_as_before(model: TrainedReward, tmp_path: Path) -> None:
    again = load_reward(written(model.files(), tmp_path), HashingEmbedder())
    world = pairs_world(10, seed=1)
    prompts = [replace(example.prompt, segment="de") for example in world]
    for one, other in zip(
        model.score(prompts, [e.answers for e in world]), again.score(prompts, [e.answers for e in world]), strict=True
    ):
        np.testing.assert_array_equal(one.heads, other.heads)
    assert again.version == model.version
    assert again.files() == model.files()


def test_files_hold_no_code(model: TrainedReward) -> None:
    assert set(model.files()) == {"reward.json", "heads.safetensors"}


def test_a_model_of_before_a_feature_was_added_still_loads(model: TrainedReward, tmp_path: Path) -> None:
    files = model.files()
    manifest, tensors = json.loads(files["reward.json"]), load(files["heads.safetensors"])
    gone = manifest["columns"].index("cited")
    manifest["columns"].remove("cited")
    fewer = {name: np.ascontiguousarray(np.delete(values, gone, axis=-1)) for name, values in tensors.items()}
    folder = written({"reward.json": json.dumps(manifest).encode(), "heads.safetensors": save(fewer)}, tmp_path)
    loaded = load_reward(folder, ENCODER)
    assert not loaded.weights[:, gone].any()
    np.testing.assert_array_equal(np.delete(loaded.weights, gone, axis=1), np.delete(model.weights, gone, axis=1))


@pytest.mark.parametrize("damage", ["missing", "cut", "nan", "shape", "format", "kind", "unknown", "spread", "field"])
def test_damage_is_refused(model: TrainedReward, tmp_path: Path, damage: str) -> None:
    files = dict(model.files())
    manifest, tensors = json.loads(files["reward.json"]), dict(load(files["heads.safetensors"]))
    if damage == "missing":
        del files["heads.safetensors"]
    elif damage == "cut":
        files["heads.safetensors"] = files["heads.safetensors"][:100]
    elif damage in ("nan", "shape", "spread"):
        name = "spread" if damage == "spread" else "weights"
        values = tensors[name].copy()
        values.flat[0] = np.nan if damage == "nan" else 0.0
        tensors[name] = values[:, 1:].copy() if damage == "shape" else values
        files["heads.safetensors"] = save(tensors)
    else:
        if damage == "field":
            del manifest["calibration"]
        else:
            manifest |= {"format": {"format": 9}, "kind": {"kind": "x"}, "unknown": {}}[damage]
        if damage == "unknown":
            manifest["columns"][0] = "charm"
        files["reward.json"] = json.dumps(manifest).encode()
    with pytest.raises(RewardDamaged):
        load_reward(written(files, tmp_path), ENCODER)


def test_another_encoder_is_refused(model: TrainedReward, tmp_path: Path) -> None:
    folder = written(model.files(), tmp_path)
    with pytest.raises(RewardDamaged, match="encoder"):
        load_reward(folder, None)


def test_threads_may_score_together(model: TrainedReward, tmp_path: Path) -> None:
    world = pairs_world(20, seed=2)
    prompts, answers = [e.prompt for e in world], [e.answers for e in world]
    alone = np.concatenate([scores.heads for scores in model.score(prompts, answers)])
    fresh = load_reward(written(model.files(), tmp_path), HashingEmbedder())
    found: list[np.ndarray] = []

    def work() -> None:
        found.append(np.concatenate([scores.heads for scores in fresh.score(prompts, answers)]))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(one, alone) for one in found)
