"""Bradley-Terry against `RewardTrainer.compute_loss` of TRL 1.16."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.training.parity.oracle import agree, bare, import_trl
from training.losses import bradley_terry

trainer = import_trl("trl.trainer.reward_trainer", version="1.16.0")
N = 8


@pytest.mark.parametrize("centre", [None, 0.01])
@pytest.mark.parametrize("with_margin", [False, True])
def test_the_loss_and_its_gradient_are_those_of_trl(centre: float | None, with_margin: bool) -> None:
    source = torch.Generator().manual_seed(0)
    leaf = (3 * torch.randn(2 * N, 1, generator=source)).requires_grad_()
    margin = torch.rand(N, generator=source) if with_margin else None
    inputs: dict[str, Any] = {"attention_mask": torch.ones(2 * N, 4)}
    if margin is not None:
        inputs["margin"] = margin
    made = bare(trainer.RewardTrainer, args=SimpleNamespace(center_rewards_coefficient=centre))
    theirs = made.compute_loss(lambda **_: SimpleNamespace(logits=leaf), inputs)
    chosen, rejected = leaf[:, 0].chunk(2)
    ours = bradley_terry(chosen, rejected, torch.ones(N), margin=margin, centre=centre or 0.0)
    agree(ours, theirs, leaf)
    as_second = bradley_terry(rejected, chosen, torch.zeros(N), margin=margin, centre=centre or 0.0)
    agree(as_second, theirs, leaf)
