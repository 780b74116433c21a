"""PPO against the running `PPOTrainer` of TRL 1.12, the last release that has it.

The trainer keeps its arithmetic in one long `train`; so it trains a tiny model for real, and what it computed is taken
from its frame each time it calls `backward`.
"""

# mypy: ignore-errors
# (TRL, datasets and the constructors of transformers have no types.)

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.parity.oracle import import_trl
from training.losses import clip_fraction, entropy, gae, kl_estimate, ppo_clip, value_clip_loss, whiten

trainer = import_trl("trl.experimental.ppo.ppo_trainer", version="1.12.0")
config = import_trl("trl.experimental.ppo.ppo_config", version="1.12.0")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
WORDS = 24
KEPT = (
    *("values", "rewards", "padding_mask", "padding_mask_p1", "advantages", "returns"),
    *("logprobs", "ref_logprobs", "kl", "logits", "new_logprobs", "vpred", "pg_loss", "vf_loss"),
    *("mb_advantage", "mb_logprobs", "mb_values", "mb_return", "micro_batch_inds"),
)


@pytest.fixture(scope="module", params=["k1", "k3"])
def steps(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Train two batches, three epochs each, and give what the trainer held at each of the six steps."""
    return train(tmp_path_factory.mktemp("ppo"), request.param)


def train(folder: Path, estimator: str) -> list[dict[str, Any]]:
    """Run TRL's trainer."""
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        PreTrainedTokenizerFast,
        Qwen2Config,
        Qwen2ForCausalLM,
        Qwen2ForSequenceClassification,
    )

    vocabulary = {word: number for number, word in enumerate(["<pad>", "<end>", *(f"w{i}" for i in range(WORDS - 2))])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<end>", padding_side="left"
    )
    shape = Qwen2Config(
        vocab_size=WORDS,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        pad_token_id=0,
        eos_token_id=1,
        num_labels=1,
        initializer_range=0.2,
    )
    torch.manual_seed(0)
    policy, reference = Qwen2ForCausalLM(shape), Qwen2ForCausalLM(shape)
    critic, judge = Qwen2ForSequenceClassification(shape), Qwen2ForSequenceClassification(shape)
    prompts = Dataset.from_dict({"input_ids": [[2 + i % 5, 3, 4 + i % 7] for i in range(16)]})
    made = trainer.PPOTrainer(
        args=config.PPOConfig(
            output_dir=str(folder),
            per_device_train_batch_size=8,
            gradient_accumulation_steps=1,
            num_mini_batches=1,
            num_ppo_epochs=3,
            total_episodes=16,
            response_length=10,
            stop_token="eos",
            kl_estimator=estimator,
            kl_coef=0.1,
            gamma=0.9,
            lam=0.8,
            cliprange=0.1,
            cliprange_value=0.05,
            learning_rate=3e-3,
            num_sample_generations=0,
            save_strategy="no",
            report_to="none",
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            disable_tqdm=True,
            seed=1,
        ),
        processing_class=tokenizer,
        model=policy,
        ref_model=reference,
        reward_model=judge,
        value_model=critic,
        train_dataset=prompts,
    )
    steps: list[dict[str, Any]] = []
    backward = made.accelerator.backward

    def recorded(loss: torch.Tensor) -> None:
        held = sys._getframe(1).f_locals
        steps.append(
            {name: held[name].detach().clone() if torch.is_tensor(held[name]) else held[name] for name in KEPT}
        )
        steps[-1]["loss"] = loss.detach().clone()
        backward(loss)

    made.accelerator.backward = recorded
    made.train()
    return steps


def test_answers_end_at_different_places_and_the_clips_fire(steps: list[dict[str, Any]]) -> None:
    """Else the rest would prove little."""
    assert len(steps) == 6
    assert len(set(steps[0]["padding_mask"].sum(1).tolist())) > 2
    last = steps[-1]
    mask = ~last["padding_mask"][last["micro_batch_inds"]]
    fraction = clip_fraction(last["new_logprobs"], last["mb_logprobs"], last["mb_advantage"], mask, clip=0.1)
    assert 0 < fraction < 1
    assert ((last["vpred"] - last["mb_values"]).abs() > 0.05).any()


def test_advantages_and_returns_are_those_of_trl(steps: list[dict[str, Any]]) -> None:
    for step in steps:
        mask, value_mask = ~step["padding_mask"], ~step["padding_mask_p1"]
        raw, returns = gae(step["values"], step["rewards"], value_mask, gamma=0.9, lam=0.8)
        torch.testing.assert_close(returns, step["returns"])
        torch.testing.assert_close(whiten(raw, mask), step["advantages"])


def test_whitening_is_that_of_trl(steps: list[dict[str, Any]]) -> None:
    values, mask = steps[0]["values"], ~steps[0]["padding_mask"]
    for shift in (True, False):
        theirs = torch.where(mask, trainer.masked_whiten(values, mask, shift_mean=shift), 0.0)
        torch.testing.assert_close(whiten(values, mask, shift_mean=shift), theirs)


def test_penalties_are_those_of_trl(steps: list[dict[str, Any]], request: pytest.FixtureRequest) -> None:
    kind = request.node.callspec.params["steps"]
    for step in steps:
        torch.testing.assert_close(kl_estimate(step["logprobs"], step["ref_logprobs"], kind=kind), step["kl"])


def test_losses_are_those_of_trl(steps: list[dict[str, Any]]) -> None:
    for step in steps:
        rows = step["micro_batch_inds"]
        mask, value_mask = ~step["padding_mask"][rows], ~step["padding_mask_p1"][rows]
        policy = ppo_clip(step["new_logprobs"], step["mb_logprobs"], step["mb_advantage"], mask, clip=0.1)
        critic = value_clip_loss(step["vpred"], step["mb_values"], step["mb_return"], value_mask, clip=0.05)
        torch.testing.assert_close(policy, step["pg_loss"])
        torch.testing.assert_close(critic, step["vf_loss"])
        torch.testing.assert_close(policy + 0.1 * critic, step["loss"])


def test_entropy_is_that_of_torch(steps: list[dict[str, Any]]) -> None:
    logits = steps[0]["logits"]
    torch.testing.assert_close(entropy(logits), torch.distributions.Categorical(logits=logits).entropy())
