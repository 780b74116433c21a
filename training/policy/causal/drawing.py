"""Draw a token from logits: greedy, or by temperature and nucleus, reproducibly from a seed."""

from __future__ import annotations

import torch
from torch import Tensor

from training.policy.base import Sampling


def generator(seed: int) -> torch.Generator:
    """Make the source of randomness of one answer. On the CPU, so that a seed means the same on every device."""
    return torch.Generator().manual_seed(seed % 2**63)


def draw(logits: Tensor, sampling: Sampling, source: torch.Generator) -> tuple[int, float]:
    """Draw one token.

    Args:
        logits: `(V,)` of the next token, any dtype and device.
        sampling: Temperature 0 takes the best token; else temperature, then the smallest set of tokens that holds
            `top_p`.
        source: From `generator`.

    Returns:
        The token and its log-probability under the model itself: temperature 1, nothing left out.
    """
    logits = logits.float()
    plain = logits.log_softmax(-1)  # (V,)
    if sampling.temperature <= 0:
        token = int(logits.argmax())
    else:
        tempered = (logits / sampling.temperature).softmax(-1)
        if sampling.top_p < 1:
            tempered = nucleus(tempered, sampling.top_p)
        token = int(torch.multinomial(tempered.cpu(), 1, generator=source))
    return token, float(plain[token])


def nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Keep the most likely tokens that together reach `top_p`, at least one, and zero the others (not renormalised):
    `(V,)`.
    """
    ordered, order = probabilities.sort(descending=True)
    ordered[ordered.cumsum(-1) - ordered >= top_p] = 0.0  # a token goes when those before it reach top_p
    if not bool(ordered[0] > 0):
        ordered[0] = 1.0
    return torch.zeros_like(ordered).scatter(-1, order, ordered)
