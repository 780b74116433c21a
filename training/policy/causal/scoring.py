"""Log-probabilities of recorded answers under a causal LM, by concatenation: exact, differentiable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def answer_logprobs(
    model: Any, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], temperature: float = 1.0
) -> Tensor:
    """Score answers token by token.

    Prompts are padded on the left and answers on the right, so that the answers stand in the same columns and only
    those pass the LM head.

    Args:
        model: A Hugging Face causal LM.
        prompts: B prompts as token ids, none empty.
        answers: B answers as token ids.
        temperature: Divides the logits.

    Returns:
        `(B, T)` float32, T the longest answer, zero where padded.
    """
    before = max(map(len, prompts))
    steps = max(map(len, answers))
    ids = torch.zeros(len(prompts), before + steps, dtype=torch.long)
    real = torch.zeros_like(ids)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        ids[row, before - len(prompt) : before + len(answer)] = torch.tensor([*prompt, *answer])
        real[row, before - len(prompt) : before + len(answer)] = 1
    ids, real = ids.to(model.device), real.to(model.device)
    places = (real.cumsum(-1) - 1).clamp(min=0)
    out = model(input_ids=ids, attention_mask=real, position_ids=places, use_cache=False, logits_to_keep=steps + 1)
    logits = out.logits[:, :-1].float() / temperature  # (B, T, V)
    targets = ids[:, before:]  # (B, T)
    scores: Tensor = logits.log_softmax(-1).gather(-1, targets[..., None]).squeeze(-1)
    return scores * real[:, before:]
