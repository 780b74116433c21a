"""The gate's judges as one: each prompt is scored by the judge that never learned from its sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from training.pipeline.parts import Fold
from training.policy.base import Answer, Prompt
from training.reward.base import Scores
from training.reward.model import TrainedReward
from training.reward.representation import Representation


@dataclass(frozen=True)
class FoldedJudge:
    """A reward model for the held-out prompts of one window, and for no others."""

    models: tuple[TrainedReward, ...]
    fold_of: Mapping[Prompt, int]

    @classmethod
    def of(cls, models: Sequence[TrainedReward], folds: Sequence[Fold]) -> FoldedJudge:
        """Put judges together with the prompts that each is asked about, fold by fold."""
        asked = {example.prompt: number for number, fold in enumerate(folds) for example in fold.asked}
        return cls(tuple(models), asked)

    @property
    def version(self) -> str:
        """One name for all of them together."""
        names = "+".join(model.version for model in self.models)
        return f"judges-{sha256(names.encode()).hexdigest()[:12]}"

    @property
    def heads(self) -> int:
        """Heads of each."""
        return self.models[0].heads

    @property
    def representation(self) -> Representation:
        """How answers are described; the same for all."""
        return self.models[0].representation

    def score(self, prompts: Sequence[Prompt], answers: Sequence[Sequence[Answer]]) -> list[Scores]:
        """Score the answers of each prompt; KeyError for a prompt that no judge is asked about."""
        return [
            self.models[self.fold_of[prompt]].score([prompt], [group])[0]
            for prompt, group in zip(prompts, answers, strict=True)
        ]
