"""Answers scored as their prompt and themselves, one row each: exact for every causal LM, and slow where a long prompt
has several answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from training.scoring.row import require


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows padded on the left before the prompts and on the right behind the answers, which so share their columns."""

    ids: Tensor  # (B, L)
    real: Tensor  # (B, L) long, 0 where padded
    positions: Tensor  # (B, L)
    steps: int  # T, the longest answer

    @property
    def mask(self) -> Tensor:
        """Real tokens of the answers, `(B, T)` bool."""
        return self.real[:, -self.steps :].bool()

    @property
    def targets(self) -> Tensor:
        """The answers' tokens, `(B, T)`."""
        return self.ids[:, -self.steps :]


def batch(prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], device: torch.device) -> Batch:
    """Put B prompts and their answers side by side.

    Args:
        prompts: Token ids, none empty.
        answers: Token ids, none empty.
        device: Where the model is.

    Returns:
        The rows.

    Raises:
        ValueError: A prompt or an answer is empty, there are none, or their numbers differ.
    """
    require(min(map(len, prompts), default=1), [len(answer) for answer in answers])
    before, steps = max(map(len, prompts)), max(map(len, answers))
    ids = torch.zeros(len(prompts), before + steps, dtype=torch.long)
    real = torch.zeros_like(ids)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        ids[row, before - len(prompt) : before + len(answer)] = torch.tensor([*prompt, *answer])
        real[row, before - len(prompt) : before + len(answer)] = 1
    places = (real.cumsum(-1) - 1).clamp(min=0)
    return Batch(ids.to(device), real.to(device), places.to(device), steps)


def batch_logprobs(
    model: Any, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], temperature: float = 1.0
) -> Tensor:
    """Score answers token by token. Only the answers' columns pass the LM head.

    Args:
        model: A Hugging Face causal LM, with or without a PEFT adapter.
        prompts: B prompts as token ids, none empty.
        answers: B answers as token ids, none empty.
        temperature: Divides the logits.

    Returns:
        `(B, T)` float32, T the longest answer, zero where padded.
    """
    rows = batch(prompts, answers, model.device)
    out = model(
        input_ids=rows.ids,
        attention_mask=rows.real,
        position_ids=rows.positions,
        use_cache=False,
        logits_to_keep=rows.steps + 1,
    )
    logits = out.logits[:, :-1].float() / temperature  # (B, T, V)
    scores: Tensor = logits.log_softmax(-1).gather(-1, rows.targets[..., None]).squeeze(-1)
    return scores.masked_fill(~rows.mask, 0.0)


def batch_states(decoder: Any, rows: Batch, *, before: bool) -> Tensor:
    """Give the last hidden states at the answers' tokens.

    Args:
        decoder: The model below the LM head.
        rows: From `batch`.
        before: Instead at the tokens before them, whose states predict them.

    Returns:
        `(B, T, H)` in the model's dtype; anything where padded.
    """
    out = decoder(
        input_ids=rows.ids, attention_mask=rows.real, position_ids=rows.positions, use_cache=False
    ).last_hidden_state
    states: Tensor = out[:, -rows.steps - 1 : -1] if before else out[:, -rows.steps :]
    return states
