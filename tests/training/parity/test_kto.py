"""KTO against `KTOTrainer._compute_loss` of TRL 1.16."""

from __future__ import annotations

import pytest
import torch

from tests.training.parity.oracle import Gives, agree, answers, bare, import_trl
from training.losses import kto, kto_reference_point, sequence_sum

trainer = import_trl("trl.trainer.kto_trainer", version="1.16.0")
N, T = 7, 8


@pytest.mark.parametrize("label", [[1, 0, 1, 1, 0, 0, 1], [1] * 7, [0] * 7])
@pytest.mark.parametrize("shift", [4.0, -4.0], ids=["above", "below"])  # below, the reference point is clamped at 0
def test_the_loss_and_its_gradient_are_those_of_trl(label: list[int], shift: float) -> None:
    leaf, mask = answers(N, T, seed=0)
    logprobs = leaf.requires_grad_() * mask
    mismatched, other_mask = answers(N, T, seed=1)
    ref, ref_mismatched = sequence_sum(*answers(N, T, seed=2)), sequence_sum(mismatched, other_mask) - shift
    desirable = torch.tensor(label, dtype=torch.bool)
    made = bare(
        trainer.KTOTrainer,
        loss_type="kto",
        beta=0.4,
        desirable_weight=1.0,
        undesirable_weight=1.5,
        calculate_KL=True,
        precompute_ref_logps=True,
    )
    prompt = torch.zeros(N, 1, dtype=torch.long)
    tokens, other_tokens = torch.cat([prompt, mask.long()], 1), torch.cat([prompt, other_mask.long()], 1)
    inputs = {
        "input_ids": tokens,
        "attention_mask": torch.ones_like(tokens),
        "completion_mask": tokens,
        "KL_input_ids": other_tokens,
        "KL_attention_mask": torch.ones_like(tokens),
        "KL_completion_mask": other_tokens,
        "label": desirable,
        "ref_logps": ref,
        "ref_KL_logps": ref_mismatched,
    }
    theirs = made._compute_loss(Gives(mismatched, logprobs), inputs, return_outputs=False)
    point = kto_reference_point(sequence_sum(mismatched, other_mask), ref_mismatched)
    assert point.item() == pytest.approx(made._metrics["train"]["kl"][0])
    assert (point > 0) == (shift > 0)
    ours = kto(sequence_sum(logprobs, mask), ref, desirable, point, beta=0.4, undesirable_weight=1.5)
    agree(ours, theirs, leaf)
