"""The decoding loop: prompt once, then token by token for one or more answers to it, with a key-value cache.

A loop of our own instead of `generate`, because it gives the exact log-probability of what was drawn, stops after at
most one more token when told to, and lets several requests take turns on one model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from training.policy.base import FinishReason, Sampling
from training.policy.causal.drawing import draw, generator
from training.policy.causal.text import Decoder, TextStream


@dataclass
class Line:
    """One answer as it grows."""

    sampling: Sampling  # with a seed
    text: TextStream
    source: torch.Generator
    most: int = 0  # tokens; set when the prompt's length is known
    tokens: list[int] = field(default_factory=list)
    logprob: float = 0.0
    finish_reason: FinishReason | None = None


def open_line(sampling: Sampling, seed: int, decoder: Decoder) -> Line:
    """Start an answer; its sampling records the seed."""
    return Line(replace(sampling, seed=seed), TextStream(decoder, sampling.stop), generator(seed))


def decode(
    model: Any, prompt: Sequence[int], lines: Sequence[Line], end_ids: frozenset[int], window: int
) -> Iterator[list[tuple[Line, str]]]:
    """Grow answers to one prompt, one token each a step.

    The prompt is computed once; its cache is then repeated for the answers. Answers that are finished leave the batch.

    Args:
        model: A Hugging Face causal LM in evaluation mode.
        prompt: Token ids.
        lines: The answers, changed in place until each has a `finish_reason`.
        end_ids: Tokens that end an answer.
        window: Most tokens of prompt and answer together.

    Yields:
        list[tuple[Line, str]]: After every token, the lines that grew and the text each of them gained.
    """
    growing = list(lines)
    for line in growing:
        line.most = max(min(line.sampling.max_tokens, window - len(prompt)), 1)
    with torch.inference_mode():
        ids = torch.tensor([list(prompt)], device=model.device)
        out = model(input_ids=ids, use_cache=True, logits_to_keep=1)
        cache, logits = out.past_key_values, out.logits[:, -1].expand(len(growing), -1)  # (K, V)
        if len(growing) > 1:
            cache.batch_repeat_interleave(len(growing))
    while growing:
        with torch.inference_mode():
            grown = [(line, _grow(line, row, end_ids)) for line, row in zip(growing, logits, strict=True)]
        yield grown
        left = [row for row, line in enumerate(growing) if line.finish_reason is None]
        if not left:
            return
        with torch.inference_mode():
            if len(left) < len(growing):
                cache.batch_select_indices(torch.tensor(left, device=model.device))
            growing = [growing[row] for row in left]
            last = torch.tensor([[line.tokens[-1]] for line in growing], device=model.device)  # (K, 1)
            out = model(input_ids=last, past_key_values=cache, use_cache=True)
            cache, logits = out.past_key_values, out.logits[:, -1]


def _grow(line: Line, logits: Tensor, end_ids: frozenset[int]) -> str:
    """Draw one token for a line and give the text it adds."""
    token, logprob = draw(logits, line.sampling, line.source)
    line.tokens.append(token)
    line.logprob += logprob
    if token in end_ids:
        line.finish_reason = "stop"
        return line.text.finish()
    piece = line.text.add(token)
    if line.text.stopped:
        line.finish_reason = "stop"
    elif len(line.tokens) >= line.most:
        line.finish_reason = "length"
        piece += line.text.finish()
    return piece
