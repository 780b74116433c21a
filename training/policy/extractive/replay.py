"""Log-probabilities of recorded answers as a differentiable function of the residual.

`Replays` holds what does not depend on the weights, so a training loop builds it once and evaluates it at every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.policy.extractive.features import HALT_FEATURES, POINTER_FEATURES
from training.policy.extractive.pointer import STOP, Reading, Step, step
from training.policy.extractive.weights import Prior, Residual


@dataclass(frozen=True)
class Replays:
    """Decisions of B answers, padded to T steps and N candidates."""

    pointer: Tensor  # (B, T, N, POINTER_FEATURES)
    open: Tensor  # (B, T, N) bool
    halt: Tensor  # (B, T, HALT_FEATURES)
    taken: Tensor  # (B, T) place of the chosen candidate, 0 for STOP
    stopped: Tensor  # (B, T) bool
    free: Tensor  # (B, T) bool: a real decision, neither forced nor padding
    prior: Prior

    def logprobs(self, residual: Residual, temperature: float = 1.0) -> Tensor:
        """Give `(B, T)` float32, zero where forced or padded; differentiable in `residual.parameters()`."""
        weights = residual.parameters()
        pointer = torch.from_numpy(self.prior.pointer) + weights["pointer"]
        halt = torch.from_numpy(self.prior.halt) + weights["halt"]
        odds = self.halt @ halt / temperature  # (B, T)
        scores = (self.pointer @ pointer / temperature).masked_fill(~self.open, -torch.inf)  # (B, T, N)
        scores = torch.where(self.free[..., None], scores, 0.0)  # a padded row of minus infinities has no gradient
        chosen = functional.log_softmax(scores, dim=-1).gather(-1, self.taken[..., None]).squeeze(-1)
        chosen = torch.where(self.free & ~self.stopped, chosen, 0.0) + functional.logsigmoid(-odds)
        return torch.where(self.stopped, functional.logsigmoid(odds), chosen) * self.free


def replay(
    readings: Sequence[Reading | None], actions: Sequence[Sequence[int]], most_sentences: int, prior: Prior
) -> Replays:
    """Go through recorded answers decision by decision.

    Args:
        readings: B prompts as the pointer sees them; each offers every sentence its answer chose. None where there was
            nothing to read.
        actions: B recorded answers, each ending in STOP.
        most_sentences: After that many, STOP is forced.
        prior: What the residual is added to.

    Returns:
        Padded tensors.

    Raises:
        ValueError: An answer chose what its prompt does not offer, or does not end in STOP.
    """
    runs = [
        _decisions(reading, taken, max(most_sentences, len(taken) - 1)) if reading else []
        for reading, taken in zip(readings, actions, strict=True)
    ]
    size, steps = len(runs), max((len(run) for run in runs), default=0) or 1
    width = max((len(reading.candidates) for reading in readings if reading), default=0) or 1
    pointer = np.zeros((size, steps, width, len(POINTER_FEATURES)), np.float32)
    left = np.zeros((size, steps, width), np.bool_)
    halt = np.zeros((size, steps, len(HALT_FEATURES)), np.float32)
    taken = np.zeros((size, steps), np.int64)
    stopped = np.zeros((size, steps), np.bool_)
    free = np.zeros((size, steps), np.bool_)
    for b, run in enumerate(runs):
        for t, (decision, place) in enumerate(run):
            count = len(decision.open)
            pointer[b, t, :count], left[b, t, :count] = decision.pointer, decision.open
            halt[b, t], free[b, t] = decision.halt, not decision.forced
            stopped[b, t], taken[b, t] = place == STOP, max(place, 0)
    return Replays(
        pointer=torch.from_numpy(pointer),
        open=torch.from_numpy(left),
        halt=torch.from_numpy(halt),
        taken=torch.from_numpy(taken),
        stopped=torch.from_numpy(stopped),
        free=torch.from_numpy(free),
        prior=prior,
    )


def _decisions(reading: Reading, actions: Sequence[int], most_sentences: int) -> list[tuple[Step, int]]:
    if not actions or actions[-1] != STOP:
        raise ValueError("a recorded answer ends in STOP")
    places = {index: place for place, index in enumerate(reading.offered)}
    chosen: list[int] = []
    decisions: list[tuple[Step, int]] = []
    for action in actions:
        decision = step(reading, chosen, most_sentences)
        if action == STOP:
            decisions.append((decision, STOP))
            return decisions
        place = places.get(action)
        if place is None or place in chosen or decision.forced:
            raise ValueError(f"a recorded answer chose sentence {action}, which was not on offer")
        decisions.append((decision, place))
        chosen.append(place)
    return decisions
