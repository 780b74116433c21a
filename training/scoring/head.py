"""From hidden states to the log-probabilities of given tokens, without keeping the logits of a whole long answer."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

# Above this many logits a piece they are computed again in the backward pass: 2^25 in float32 are 128 MiB, and a step
# holds about three such tensors. 220 tokens of Qwen's 152k words; a step of a small model stays in one piece.
MOST_LOGITS = 2**25


def token_logprobs(
    head: Callable[[Tensor], Tensor],
    states: Tensor,
    targets: Tensor,
    *,
    words: int,
    temperature: float = 1.0,
    most_logits: int = MOST_LOGITS,
) -> Tensor:
    """Score each token by the state that predicts it.

    Args:
        head: The LM head, `(n, H)` to `(n, V)`.
        states: `(N, H)`.
        targets: `(N,)` token ids.
        words: V.
        temperature: Divides the logits.
        most_logits: Held at a time.

    Returns:
        `(N,)` float32; differentiable.
    """

    def piece(some: Tensor, wanted: Tensor) -> Tensor:
        logits = head(some).float()  # (n, V)
        if temperature != 1.0:
            logits = logits / temperature
        scores: Tensor = logits.gather(-1, wanted[:, None]).squeeze(-1) - logits.logsumexp(-1)
        return scores

    rows = max(most_logits // words, 1)
    if len(states) <= rows:
        return piece(states, targets)
    pieces = zip(torch.split(states, rows), torch.split(targets, rows), strict=True)
    if not torch.is_grad_enabled():
        return torch.cat([piece(some, wanted) for some, wanted in pieces])
    return torch.cat([checkpoint(piece, some, wanted, use_reentrant=False) for some, wanted in pieces])
