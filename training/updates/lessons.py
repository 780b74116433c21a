"""What is learned from drawn answers: their advantages, and their rows laid under each other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from training.losses import whiten
from training.updates.rollouts import Rollout
from training.updates.trainable import Group


class Lesson:
    """A rollout with what is learned from it: advantages, and for a critic its targets."""

    def __init__(self, rollout: Rollout, advantages: Tensor) -> None:
        self.rollout = rollout
        self.advantages = advantages  # (K,), or (K, T) with a critic
        self.states: Tensor | None = None  # (K, T, D)
        self.values: Tensor | None = None  # (K, T) when drawn
        self.returns: Tensor | None = None  # (K, T)

    @property
    def group(self) -> Group:
        """The prompt and its answers."""
        return self.rollout.group


def whiten_all(lessons: Sequence[Lesson]) -> None:
    """Scale the advantages of a step to unit variance, in place. Leave-one-out ones have mean 0 already, prompt by
    prompt; with several processes each scales its own.

    Args:
        lessons: Of the whole step, at least one.
    """
    if lessons[0].advantages.ndim == 1:
        column = torch.cat([lesson.advantages for lesson in lessons])[:, None]
        white = whiten(column, torch.ones_like(column, dtype=torch.bool), shift_mean=False)[:, 0]
    else:
        width = max(lesson.advantages.shape[1] for lesson in lessons)
        mask = stack([lesson.rollout.mask for lesson in lessons], width)
        white = whiten(advantages_of(lessons, width), mask)
    row = 0
    for lesson in lessons:
        shape = lesson.advantages.shape
        part = white[row : row + shape[0]]
        lesson.advantages = part[:, : shape[1]] if len(shape) == 2 else part
        row += shape[0]


def advantages_of(lessons: Sequence[Lesson], width: int) -> Tensor:
    """Give the advantages of some lessons, `(N,)` or `(N, width)`."""
    if lessons[0].advantages.ndim == 1:
        return torch.cat([lesson.advantages for lesson in lessons])
    return stack([lesson.advantages for lesson in lessons], width)


def stack(tensors: Sequence[Tensor], width: int) -> Tensor:
    """Put `(K, T)` rows under each other, padded to a width."""
    return torch.cat([pad(tensor, (0, width - tensor.shape[1])) for tensor in tensors])
