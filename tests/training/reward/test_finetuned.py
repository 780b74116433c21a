"""Transformer bases: an encoder and a causal LM learn a residual over the features, and are stored and loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.reward.world import ENCODER, pairs_world
from training.datasets.examples import Example, Pair
from training.reward.backbone import open_backbone
from training.reward.config import LoraConfig, RewardConfig
from training.reward.errors import RewardDamaged
from training.reward.model import TrainedReward
from training.reward.representation import FeatureRepresentation
from training.reward.store import load_reward
from training.reward.train import train_reward

LORA = LoraConfig(rank=4, alpha=8, learning_rate=3e-3, encoder_learning_rate=3e-3, epochs=2, batch=4, most_tokens=96)


def loved_word(size: int, seed: int) -> list[Example]:
    """People love answers that say "glaciers", of which the features know nothing."""
    made = []
    rng = np.random.default_rng(seed)
    for example in pairs_world(size, seed=seed):
        plain, loved = (replace(example.answers[3], text=f"It holds for {word}.") for word in ("printers", "glaciers"))
        first = bool(rng.random() < 0.5)
        answers = (loved, plain) if first else (plain, loved)
        outcome = "first" if first else "second"
        pairs = tuple(Pair(0, 1, outcome, 1.0, f"voter-{at}", ordered=False) for at in range(2))  # type: ignore[arg-type]
        prompt = replace(example.prompt, passages=example.prompt.passages[:1])
        made.append(replace(example, prompt=prompt, answers=answers, pairs=pairs))
    return made


def right(model: TrainedReward, examples: list[Example]) -> float:
    scores = model.score([example.prompt for example in examples], [example.answers for example in examples])
    ahead = [
        (found.mean[0] > found.mean[1]) == (example.pairs[0].outcome == "first")
        for found, example in zip(scores, examples, strict=True)
    ]
    return float(np.mean(ahead))


@pytest.fixture(scope="session")
def tiny_encoder(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a tiny BERT beside the tokenizer of the tiny causal LM."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    folder = tmp_path_factory.mktemp("tiny-encoder")
    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoint)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=128,
        initializer_range=0.2,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["encoder", "causal"])
def test_learns_what_no_feature_says(kind: str, tiny_encoder: Path, tiny_checkpoint: Path, tmp_path: Path) -> None:
    base = str(tiny_encoder if kind == "encoder" else tiny_checkpoint)
    config = RewardConfig(base=base, precision=30.0, lora=replace(LORA, epochs=6, learning_rate=1e-2))
    told: list[tuple[str, float]] = []
    world = loved_word(24, 0)
    # Random weights of 64 columns remember rather than understand: what is tested is that they are trained at all.
    model = train_reward(
        world,
        config,
        encoder=ENCODER,
        calibration=loved_word(30, 0),
        progress=lambda what, share: told.append((what, share)),
    )
    blind = train_reward(world, replace(config, base="features", semantic=0.0), encoder=ENCODER)
    assert model.facts["residual"] > 0.0
    assert right(model, world) > 0.8
    assert right(blind, world) < right(model, world)
    assert told[-1] == ("adapting the base", 1.0)

    files = model.files()
    assert set(files) == {"reward.json", "heads.safetensors", "adapter.safetensors"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    again = load_reward(tmp_path, ENCODER)
    for example in world[:5]:
        one, other = (judge.score([example.prompt], [example.answers])[0].heads for judge in (model, again))
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert again.version == model.version
    (tmp_path / "adapter.safetensors").write_bytes(files["heads.safetensors"])
    with pytest.raises(RewardDamaged):
        load_reward(tmp_path, ENCODER)


@pytest.mark.slow
def test_the_same_data_gives_the_same_model(tiny_checkpoint: Path) -> None:
    config = RewardConfig(base=str(tiny_checkpoint), precision=30.0, lora=replace(LORA, epochs=1))
    one, other = (train_reward(loved_word(20, 0), config, encoder=ENCODER) for _ in range(2))
    assert one.version == other.version


@pytest.mark.slow
def test_a_residual_that_does_not_help_is_not_believed(tiny_checkpoint: Path) -> None:
    world = [
        replace(
            e, pairs=tuple(replace(p, outcome=("first", "second")[(at + place) % 2]) for place, p in enumerate(e.pairs))
        )
        for at, e in enumerate(loved_word(20, 0))
    ]  # each pair was judged once each way
    config = RewardConfig(base=str(tiny_checkpoint), precision=30.0, lora=replace(LORA, learning_rate=1e-2))
    model = train_reward(world, config, encoder=ENCODER, calibration=[replace(e) for e in world])
    assert abs(float(model.score([world[0].prompt], [world[0].answers])[0].mean @ [1.0, -1.0])) < 0.2


def test_states_do_not_depend_on_the_other_answers(tiny_encoder: Path, tiny_checkpoint: Path) -> None:
    features = FeatureRepresentation(ENCODER, semantic=False)
    example = pairs_world(1)[0]
    for base in (tiny_encoder, tiny_checkpoint):
        backbone = open_backbone(str(base), "auto", LORA, 0, features)
        assert backbone.kind == ("encoder" if base == tiny_encoder else "causal")
        with torch.no_grad():
            together = backbone.states(example.prompt, example.answers)
            alone = torch.cat([backbone.states(example.prompt, [answer]) for answer in example.answers])
        torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_a_long_answer_and_question_fit_the_window(tiny_encoder: Path) -> None:
    features = FeatureRepresentation(ENCODER, semantic=False)
    backbone = open_backbone(str(tiny_encoder), "auto", LORA, 0, features)
    example = pairs_world(1)[0]
    long = replace(example.answers[0], text="So it goes on. " * 300)
    asked = replace(example.prompt, question="Why " * 300 + "?")
    with torch.no_grad():
        assert torch.isfinite(backbone.states(asked, [long])).all()
