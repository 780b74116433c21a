"""Fresh answers for training: the prompt computed once, its answers decoded as one batch, each token's log-probability
kept. No text, no threads, no stop strings; `CausalLMPolicy.sample` is what serves.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from training.policy.base import Sampling
from training.scoring.mode import evaluating


@dataclass(frozen=True)
class Rollout:
    """One drawn answer."""

    tokens: tuple[int, ...]  # the end token too, where one was drawn
    logprobs: tuple[float, ...]  # of each token under the model itself: temperature 1, nothing left out
    ended: bool  # by an end token; else it was cut at the limit


def draw(
    model: Any,
    prompt_ids: Sequence[int],
    n: int,
    sampling: Sampling,
    *,
    end_ids: Collection[int],
    seed: int | None = None,
) -> list[Rollout]:
    """Draw n answers to one prompt. Not thread-safe: the model is in evaluation mode meanwhile.

    Args:
        model: A Hugging Face causal LM, with or without a PEFT adapter.
        prompt_ids: Token ids, at least one.
        n: Answers, at least one.
        sampling: Temperature (0 is greedy), nucleus, most tokens, and the seed when `seed` is None; stop strings are
            not looked at.
        end_ids: Tokens that end an answer.
        seed: Of the draws; they are the same on every device up to rounding of the logits.

    Returns:
        The answers, in no order of merit.

    Raises:
        ValueError: No prompt, n or `max_tokens` below 1.
    """
    if not prompt_ids or n < 1 or sampling.max_tokens < 1:
        raise ValueError("drawing needs a prompt, at least one answer and at least one token")
    chosen = sampling.seed if seed is None else seed
    source = torch.Generator()
    if chosen is None:
        source.seed()
    else:
        source.manual_seed(chosen % 2**63)
    tokens: list[list[int]] = [[] for _ in range(n)]
    logprobs: list[list[float]] = [[] for _ in range(n)]
    growing, ended = list(range(n)), [False] * n
    with torch.inference_mode(), evaluating(model):
        ids = torch.tensor([list(prompt_ids)], device=model.device)
        out = model(input_ids=ids, use_cache=True, logits_to_keep=1)
        cache, logits = out.past_key_values, out.logits[:, -1].expand(n, -1)  # (n, V)
        if n > 1:
            cache.batch_repeat_interleave(n)
        for step in range(sampling.max_tokens):
            found, scores = _draw(logits.float(), sampling, source)
            for line, token, score in zip(growing, found.tolist(), scores.tolist(), strict=True):
                tokens[line].append(token)
                logprobs[line].append(score)
                ended[line] = token in end_ids
            left = [row for row, line in enumerate(growing) if not ended[line]]
            if not left or step + 1 == sampling.max_tokens:
                break
            if len(left) < len(growing):
                kept = torch.tensor(left, device=model.device)
                cache.batch_select_indices(kept)
                growing, found = [growing[row] for row in left], found[kept]
            out = model(input_ids=found[:, None], past_key_values=cache, use_cache=True)
            cache, logits = out.past_key_values, out.logits[:, -1]
    return [Rollout(tuple(t), tuple(scores), end) for t, scores, end in zip(tokens, logprobs, ended, strict=True)]


def _draw(logits: Tensor, sampling: Sampling, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw one token a row of `(K, V)` float32: the tokens and their log-probabilities, each `(K,)`."""
    if sampling.temperature <= 0:
        tokens = logits.argmax(-1)
    else:
        chances = (logits / sampling.temperature).softmax(-1)
        if sampling.top_p < 1:
            ordered, order = chances.sort(descending=True)
            # The best token stays whatever top_p is; another goes when those before it reach top_p.
            gone = ordered.cumsum(-1) - ordered >= sampling.top_p
            gone[:, 0] = False
            chances = torch.zeros_like(chances).scatter(-1, order, ordered.masked_fill(gone, 0.0))
        # On the CPU, so that a seed means the same on every device.
        tokens = torch.multinomial(chances.cpu(), 1, generator=source)[:, 0].to(logits.device)
    return tokens, logits.gather(-1, tokens[:, None])[:, 0] - logits.logsumexp(-1)
