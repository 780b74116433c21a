"""The scoring primitive of all trainers: one prompt, K answers, the prompt computed once.

Exact: values and gradients are those of scoring each answer behind a prompt of its own, up to rounding (a LoRA
adapter's own dropout, in training mode, draws once for the shared prompt). A model whose attention is not plain is
scored by concatenation instead, which is logged once with the reason.

Threads may score with one model object at the same time, and answer from it; training it is one thread's business.
With gradient checkpointing the model's attention stays switched after a scoring with gradients, because layers are
computed again in the backward pass; `shared_prefix.restore_attention` undoes it, and calls that do not share are
unaffected either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from training.scoring.concatenation import batch, batch_logprobs, batch_states
from training.scoring.head import token_logprobs
from training.scoring.row import lay_out, places, require
from training.scoring.shared_prefix import CannotShare, shared_attention, shared_states
from training.scoring.support import base_model, say_once, why_not


def answer_logprobs(
    model: Any, prompt_ids: Sequence[int], answers: Sequence[Sequence[int]], *, temperature: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Score K answers to one prompt, token by token.

    Args:
        model: A Hugging Face causal LM, with or without a PEFT adapter.
        prompt_ids: P token ids, at least one.
        answers: K answers as token ids, each at least one.
        temperature: Divides the logits.

    Returns:
        `(K, T)` float32 log-probabilities, zero where padded, differentiable; and the `(K, T)` bool mask of real
        tokens. T is the longest answer.

    Raises:
        ValueError: No prompt, no answer, an empty answer, or an adapter of virtual tokens.
    """
    mask = _mask(model, prompt_ids, answers)
    states = _shared(model, prompt_ids, answers, before=True)
    if states is None:
        return batch_logprobs(model, [prompt_ids] * len(answers), answers, temperature), mask
    head = base_model(model).get_output_embeddings()
    targets = torch.tensor(list(chain.from_iterable(answers)), device=mask.device)
    flat = token_logprobs(head, states, targets, words=head.weight.shape[0], temperature=temperature)
    return _pad(flat, mask), mask


def answer_hidden(
    model: Any, prompt_ids: Sequence[int], answers: Sequence[Sequence[int]], *, before: bool = False
) -> tuple[Tensor, Tensor]:
    """Give the last hidden states of K answers to one prompt.

    Args:
        model: A Hugging Face model, with or without an LM head or a PEFT adapter.
        prompt_ids: P token ids, at least one.
        answers: K answers as token ids, each at least one.
        before: Instead of the states at the answers' tokens (for a reward head, which reads the last), those that
            predict them (for a critic, which judges before the token is drawn).

    Returns:
        `(K, T, H)` states in the model's dtype, zero where padded, differentiable; and the `(K, T)` bool mask of real
        tokens.

    Raises:
        ValueError: No prompt, no answer, an empty answer, or an adapter of virtual tokens.
    """
    mask = _mask(model, prompt_ids, answers)
    flat = _shared(model, prompt_ids, answers, before=before)
    if flat is None:
        rows = batch([prompt_ids] * len(answers), answers, mask.device)
        states = batch_states(base_model(model).get_decoder(), rows, before=before)
        return states.masked_fill(~mask[..., None], 0.0), mask
    return _pad(flat, mask), mask


def last_states(states: Tensor, mask: Tensor) -> Tensor:
    """Give the state at each answer's last token: `(K, T, H)` and `(K, T)` to `(K, H)`."""
    last = mask.sum(-1) - 1  # (K,)
    return states[torch.arange(len(states), device=states.device), last]


def _shared(model: Any, prompt_ids: Sequence[int], answers: Sequence[Sequence[int]], *, before: bool) -> Tensor | None:
    """Give the states `(N, H)` with the prompt computed once, or None where the model cannot."""
    base = base_model(model)
    lengths = [len(answer) for answer in answers]
    reason = why_not(model, len(prompt_ids) + max(lengths))
    if reason is None:
        row = lay_out(len(prompt_ids), lengths, base.device)
        keep = torch.is_grad_enabled() and base.training and base.is_activation_checkpointing
        try:
            with shared_attention(base, keep=keep):
                states = shared_states(base.get_decoder(), row, [*prompt_ids, *chain(*answers)], base.device)
            return states[places(row, before=before, device=base.device)]
        except CannotShare as error:
            reason = str(error)
    say_once(model, reason)
    return None


def _mask(model: Any, prompt_ids: Sequence[int], answers: Sequence[Sequence[int]]) -> Tensor:
    lengths = [len(answer) for answer in answers]
    require(len(prompt_ids), lengths)
    device = base_model(model).device
    return torch.arange(max(lengths), device=device)[None] < torch.tensor(lengths, device=device)[:, None]


def _pad(flat: Tensor, mask: Tensor) -> Tensor:
    """Put `(N, ...)` in its places of `(K, T, ...)`; zero elsewhere."""
    if bool(mask.all()):
        return flat.view(*mask.shape, *flat.shape[1:])
    return flat.new_zeros(*mask.shape, *flat.shape[1:]).masked_scatter(
        mask.view(*mask.shape, *[1] * (flat.dim() - 1)).expand(*mask.shape, *flat.shape[1:]), flat
    )
