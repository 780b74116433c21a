"""What every reward model gives. Importable without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.policy.base import Answer, Prompt

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scores:
    """Calibrated rewards of K answers to one prompt, as logits: sigmoid(a - b) is the chance that a is preferred."""

    heads: Array  # (K, H), one column for each head of the ensemble

    @property
    def mean(self) -> Array:
        """Average over the heads, `(K,)`."""
        average: Array = self.heads.mean(axis=1)
        return average

    @property
    def std(self) -> Array:
        """Disagreement of the heads, `(K,)`."""
        spread: Array = self.heads.std(axis=1)
        return spread

    def cautious(self, k: float) -> Array:
        """Give mean - k x std, `(K,)`: what a policy may be trained towards (Coste et al. 2023, arXiv 2310.02743)."""
        lower: Array = self.mean - k * self.std
        return lower


class RewardModel(Protocol):
    """Scores answers. Voters' leniency and the place on the screen are not in the scores. Thread-safe."""

    @property
    def version(self) -> str:
        """Name, recorded wherever its scores are used."""
        ...

    def score(self, prompts: Sequence[Prompt], answers: Sequence[Sequence[Answer]]) -> list[Scores]:
        """Score the answers of each prompt."""
        ...
