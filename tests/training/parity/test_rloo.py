"""Leave-one-out advantages and the clipped objective over whole answers against `RLOOTrainer` of TRL 1.16."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.training.parity.oracle import agree, answers, bare, import_trl
from training.losses import leave_one_out, ppo_clip, sequence_kl, sequence_sum

trainer = import_trl("trl.trainer.rloo_trainer", version="1.16.0")
B, K, T = 3, 4, 6


def made(logprobs: Tensor, ref: Tensor, mask: Tensor, rewards: Tensor, beta: float) -> Any:
    """Make a trainer that generates, scores and rewards as we chose."""
    ids = [[7] * int(length) for length in mask.sum(1)]
    policy, reference = SimpleNamespace(training=True), SimpleNamespace()
    given = {id(policy): logprobs, id(reference): ref}
    return bare(
        trainer.RLOOTrainer,
        model=policy,
        ref_model=reference,
        beta=beta,
        epsilon_low=0.2,
        epsilon_high=0.2,
        _tokenizer=SimpleNamespace(pad_token_id=0),
        pad_to_multiple_of=None,
        mask_truncated_completions=False,
        args=SimpleNamespace(per_device_train_batch_size=B * K, gradient_checkpointing_kwargs=None),
        num_generations=K,
        reward_weights=torch.ones(1),
        reward_clip_range=None,
        normalize_advantages=False,
        reward_func_names=["ours"],
        log_multimodal=False,
        _logs=defaultdict(list, rewards=defaultdict(list)),
        _pending_extra_logs={},
        _pending_metrics={},
        _generate=lambda prompts: ([[1, 2]] * len(prompts), ids, ["answer"] * len(prompts)),
        _calculate_rewards=lambda *_: rewards.view(-1, 1),
        _get_per_token_logps_and_entropies=lambda model, *_, **__: (given[id(model)], torch.zeros(B * K, T), None),
    )


@pytest.mark.parametrize("beta", [0.0, 0.05])
def test_advantages_are_those_of_trl(beta: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rewards less beta x k1 of the whole answer, then the mean of the others."""
    monkeypatch.setattr(trainer, "gather", lambda values: values)
    monkeypatch.setattr(trainer, "gather_object", lambda values: values)
    logprobs, mask = answers(B * K, T, seed=0)
    mask[0] = True  # so that the longest answer fills the row
    ref = torch.where(mask, answers(B * K, T, seed=1)[0], 0.0)
    rewards = torch.randn(B * K, generator=torch.Generator().manual_seed(2))
    inputs = [{"prompt": "q"} for _ in range(B * K)]
    monkeypatch.setattr(trainer, "disable_gradient_checkpointing", lambda *_: contextlib.nullcontext())
    theirs = made(logprobs, ref, mask, rewards, beta)._generate_and_score_completions(inputs)
    penalised = rewards - beta * sequence_kl(logprobs, ref, mask, kind="k1")
    ours = leave_one_out(penalised.view(B, K)).flatten()
    torch.testing.assert_close(ours, theirs["advantages"])
    torch.testing.assert_close(sequence_sum(logprobs, mask), theirs["old_logps"])


def test_the_clipped_objective_and_its_gradient_are_those_of_trl() -> None:
    leaf, mask = answers(B * K, T, seed=0)
    old = leaf + 0.2 * torch.randn(B * K, T, generator=torch.Generator().manual_seed(3)) * mask
    logprobs = leaf.requires_grad_() * mask
    advantages = torch.randn(B * K, generator=torch.Generator().manual_seed(2))
    trainer_ = made(logprobs, logprobs, mask, advantages, 0.0)
    ids = torch.zeros(B * K, 2, dtype=torch.long)
    inputs = {
        "prompt_ids": ids,
        "prompt_mask": ids + 1,
        "completion_ids": mask.long(),
        "completion_mask": mask.long(),
        "old_logps": sequence_sum(old, mask),
        "advantages": advantages,
    }
    theirs = trainer_._compute_loss(trainer_.model, inputs)
    assert 0 < trainer_._metrics["train"]["clip_ratio/region_mean"][0] < 1
    agree(ppo_clip(logprobs, old, advantages, mask, level="sequence"), theirs, leaf)
