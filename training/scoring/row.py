"""One prompt and its K answers as one row of tokens, `[prompt | a_1 | ... | a_K]`: where everything stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Row:
    """Places in a row. N is the number of the answers' tokens together, T the longest answer."""

    prompt: int  # tokens
    lengths: tuple[int, ...]  # tokens of each answer
    padded: Tensor | None  # (K, T) place of each token among the N; None when all answers are equally long
    real: Tensor | None  # (N,) place of each of the N in a flattened (K, T); None likewise

    @property
    def branches(self) -> int:
        """K."""
        return len(self.lengths)

    @property
    def longest(self) -> int:
        """T."""
        return max(self.lengths)

    def split(self, states: Tensor) -> Tensor:
        """Give the answers' part of `(1, heads, P + N, D)` as a batch `(K, heads, T, D)`, padded on the right."""
        tail = states[0, :, self.prompt :]  # (heads, N, D)
        if self.padded is None:
            return tail.view(len(tail), self.branches, self.longest, -1).transpose(0, 1)
        return tail[:, self.padded].transpose(0, 1)

    def join(self, batch: Tensor) -> Tensor:
        """Undo `split`: `(K, heads, T, D)` to `(1, heads, N, D)`."""
        flat = batch.transpose(0, 1).flatten(1, 2)  # (heads, K * T, D)
        return (flat if self.real is None else flat[:, self.real])[None]


def lay_out(prompt: int, lengths: Sequence[int], device: torch.device) -> Row:
    """Place answers of some lengths behind a prompt.

    Args:
        prompt: Tokens of the prompt.
        lengths: Tokens of each answer.
        device: Where the model is.

    Returns:
        The row.

    Raises:
        ValueError: No prompt, no answer, or an empty one.
    """
    require(prompt, lengths)
    if len(set(lengths)) == 1:
        return Row(prompt, tuple(lengths), None, None)
    size = torch.tensor(lengths)[:, None]  # (K, 1)
    starts = torch.tensor([0, *accumulate(lengths)][:-1])[:, None]
    steps = torch.arange(max(lengths))[None]  # (1, T)
    # Behind an answer's end its last token is repeated: causality hides it from every real one, and it is dropped.
    padded = starts + torch.minimum(steps, size - 1)
    real = (steps < size).flatten().nonzero()[:, 0]
    return Row(prompt, tuple(lengths), padded.to(device), real.to(device))


def require(prompt: int, lengths: Sequence[int]) -> None:
    """Refuse what has no log-probability: raises ValueError for an empty prompt, no answer, or an empty answer."""
    if prompt < 1:
        raise ValueError("a prompt needs at least one token, from which the first of the answer is predicted")
    if not lengths:
        raise ValueError("nothing to score: give at least one answer")
    if min(lengths) < 1:
        raise ValueError(f"answer {lengths.index(0)} has no tokens; score the end-of-turn token at least")


def positions(row: Row, device: torch.device) -> Tensor:
    """Give the position of every token of the row, `(1, P + N)`: each answer goes on where the prompt ends."""
    answers = [torch.arange(row.prompt, row.prompt + length) for length in row.lengths]
    return torch.cat([torch.arange(row.prompt), *answers])[None].to(device)


def places(row: Row, *, before: bool, device: torch.device) -> Tensor:
    """Give the places of the answers' tokens in the row, `(N,)`, one answer after the other.

    Args:
        row: The row.
        before: Instead the places of the tokens that stand before them, whose states predict them.
        device: Where the model is.

    Returns:
        Indices into the P + N tokens.
    """
    found = torch.arange(row.prompt, row.prompt + sum(row.lengths))
    if before:
        found = found - 1
        found[torch.tensor([0, *accumulate(row.lengths)][:-1])] = row.prompt - 1
    return found.to(device)
