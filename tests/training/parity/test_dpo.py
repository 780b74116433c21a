"""DPO and kin against `DPOTrainer._compute_loss` of TRL 1.16."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.training.parity.oracle import Gives, agree, answers, bare, import_trl
from training.losses import dpo, ipo, nll, robust_dpo, sequence_lengths, sequence_sum

trainer = import_trl("trl.trainer.dpo_trainer", version="1.16.0")
N, T = 6, 9


def theirs(logprobs: Tensor, mask: Tensor, ref: Tensor, losses: dict[str, float], smoothing: float = 0.0) -> Tensor:
    """Compute TRL's loss; the first half of the rows is chosen, the second rejected."""
    made = bare(
        trainer.DPOTrainer,
        loss_types=list(losses),
        loss_weights=list(losses.values()),
        beta=0.3,
        label_smoothing=smoothing,
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        use_weighting=False,
    )
    prompt = torch.zeros(2 * N, 1, dtype=torch.long)
    tokens = torch.cat([prompt, mask.long()], dim=1)
    chosen, rejected = ref.chunk(2)
    inputs = {
        "input_ids": tokens,
        "attention_mask": torch.ones_like(tokens),
        "completion_mask": tokens,
        "ref_chosen_logps": chosen,
        "ref_rejected_logps": rejected,
    }
    loss: Tensor = made._compute_loss(Gives(logprobs), inputs, return_outputs=False)
    return loss


@pytest.mark.parametrize("form", ["sigmoid", "smoothed", "robust", "ipo", "sigmoid_norm", "sft", "anchored"])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_loss_and_its_gradient_are_those_of_trl(form: str, seed: int) -> None:
    leaf, mask = answers(2 * N, T, seed=seed)
    logprobs = leaf.requires_grad_() * mask
    ref = sequence_sum(*answers(2 * N, T, seed=seed + 10))
    chosen, rejected = sequence_sum(logprobs, mask).chunk(2)
    pair = chosen, rejected, *ref.chunk(2)
    first, second = sequence_lengths(mask).chunk(2)
    token_nll = nll(logprobs[:N], mask[:N], normalise="token")
    if form == "sigmoid":
        agree(dpo(*pair, beta=0.3), theirs(logprobs, mask, ref, {"sigmoid": 1.0}), leaf)
    elif (
        form == "smoothed"
    ):  # TRL 1.16 smooths in its "aot" losses alone; robust at s with its scale undone is the same mix
        robust = theirs(logprobs, mask, ref, {"robust": 1 - 2 * 0.2}, 0.2)
        flipped = theirs(logprobs.roll(N, 0), mask.roll(N, 0), ref.roll(N), {"sigmoid": 2 * 0.2})
        agree(dpo(*pair, beta=0.3, label_smoothing=0.2), robust + flipped, leaf)
    elif form == "robust":
        agree(robust_dpo(*pair, beta=0.3, flip_rate=0.2), theirs(logprobs, mask, ref, {"robust": 1.0}, 0.2), leaf)
    elif form == "ipo":
        agree(ipo(*pair, beta=0.3, lengths=(first, second)), theirs(logprobs, mask, ref, {"ipo": 1.0}), leaf)
    elif form == "sigmoid_norm":
        ours = dpo(*pair, beta=0.3, lengths=(first, second))
        agree(ours, theirs(logprobs, mask, ref, {"sigmoid_norm": 1.0}), leaf)
    elif form == "sft":
        agree(token_nll, theirs(logprobs, mask, ref, {"sft": 1.0}), leaf)
    else:
        ours = dpo(*pair, beta=0.3) + 0.2 * token_nll
        agree(ours, theirs(logprobs, mask, ref, {"sigmoid": 1.0, "sft": 0.2}), leaf)
