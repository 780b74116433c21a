"""A trained reward model: representation, heads, calibration."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from training.policy.base import Answer, Prompt
from training.reward.base import Scores
from training.reward.calibrate import Calibration
from training.reward.config import RewardConfig
from training.reward.representation import Representation

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """How columns are standardised. Columns that did not vary in training keep their natural size."""

    mean: Floats  # (D,)
    spread: Floats  # (D,)
    clip: float

    @classmethod
    def of(cls, rows: npt.NDArray[np.float32], clip: float) -> Scale:
        """Learn it from `(N, D)` rows."""
        exact = rows.astype(np.float64)
        spread = exact.std(axis=0)
        return cls(exact.mean(axis=0), np.where(spread > 1e-4, spread, 1.0), clip)

    def apply(self, rows: npt.NDArray[np.float32]) -> Floats:
        """Standardise `(N, D)`; what lies beyond `clip` standard deviations is drawn back to it."""
        scaled: Floats = np.clip((rows - self.mean) / self.spread, -self.clip, self.clip)
        return scaled


@dataclass(frozen=True)
class TrainedReward:
    """Scores answers as people would; see `training.reward.base.RewardModel`. Thread-safe."""

    representation: Representation
    scale: Scale
    weights: Floats  # (H, D)
    segments: Mapping[str, Floats]  # (D,) each
    calibration: Calibration
    config: RewardConfig
    facts: Mapping[str, Any] = field(default_factory=dict)  # what training found: precision, position, voters

    @cached_property
    def version(self) -> str:
        """Name that follows from the contents: the same training gives the same name."""
        digest = hashlib.sha256()
        for name, content in sorted(self.files().items()):
            digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
        return f"reward-{digest.hexdigest()[:12]}"

    @property
    def heads(self) -> int:
        """Size of the ensemble."""
        return len(self.weights)

    def score(self, prompts: Sequence[Prompt], answers: Sequence[Sequence[Answer]]) -> list[Scores]:
        """Score the answers of each prompt.

        Args:
            prompts: B prompts.
            answers: The answers to each, any number.

        Returns:
            For each prompt the calibrated logits `(K, H)`: the sigmoid of a difference is the chance that one is
            preferred, the sigmoid of a score the chance of an up vote from a typical voter.
        """
        return [self._score(prompt, group) for prompt, group in zip(prompts, answers, strict=True)]

    def _score(self, prompt: Prompt, answers: Sequence[Answer]) -> Scores:
        if not answers:
            return Scores(np.zeros((0, self.heads), np.float32))
        weights = self.weights
        if prompt.segment is not None and prompt.segment in self.segments:
            weights = weights + self.segments[prompt.segment]
        rewards = self.scale.apply(self.representation.rows(prompt, answers)) @ weights.T  # (K, H)
        scores = rewards / self.calibration.temperature + self.calibration.bias
        return Scores(scores.astype(np.float32))

    def named_weights(self) -> dict[str, float]:
        """Give the mean weight of every named feature, in logits for one standard deviation, the largest first."""
        mean = self.weights.mean(axis=0) / self.calibration.temperature
        named = {
            name: float(value)
            for name, value in zip(self.representation.columns, mean, strict=True)
            if not name.startswith(("product_", "state_"))
        }
        return dict(sorted(named.items(), key=lambda item: -abs(item[1])))

    def files(self) -> dict[str, bytes]:
        """Give the files to store, by name; publishing them durably is the caller's business."""
        from training.reward.store import pack

        return pack(self)
