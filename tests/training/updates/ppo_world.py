"""Rewards that are known exactly: models that like what a test says they like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from retrieval.embed import HashingEmbedder
from tests.training.conftest import make_prompt
from training.datasets.examples import Example
from training.policy.base import Answer, Prompt
from training.policy.extractive import ExtractivePolicy, Prior
from training.reward.base import Scores
from training.updates.extractive import ExtractiveTrainable
from training.updates.rewards import RewardMix
from training.updates.trainable import Trainable

PLAIN = RewardMix(uncertainty=1.0, length=0.0, unfinished=0.0)  # nothing but the model's word


class Likes:
    """Scores answers by a function of their text; the heads differ by `doubt`."""

    def __init__(self, taste: Callable[[Answer], float], *, doubt: float = 0.0, version: str = "likes") -> None:
        self._taste = taste
        self._doubt = doubt
        self.version = version

    def score(self, prompts: Sequence[Prompt], answers: Sequence[Sequence[Answer]]) -> list[Scores]:
        """Give two heads around the taste."""
        found = []
        for group in answers:
            middle = np.array([self._taste(answer) for answer in group], np.float32)
            found.append(Scores(np.stack([middle - self._doubt, middle + self._doubt], axis=1)))
        return found


def says(word: str) -> Likes:
    """Like every answer with a word in it."""
    return Likes(lambda answer: float(word in answer.text))


def extractive() -> ExtractiveTrainable:
    """Make an untrained embedded policy that is in doubt about every sentence, so that there is something to find."""
    sure = Prior.similarity()
    return ExtractiveTrainable(ExtractivePolicy(HashingEmbedder(), prior=replace(sure, pointer=sure.pointer * 0.15)))


def asked(count: int) -> list[Example]:
    """Ask about many orders; nothing is judged."""
    return [Example(f"p{n}", make_prompt(f"When are refunds of order {n} paid?"), ()) for n in range(count)]


def weights(trainable: Trainable) -> torch.Tensor:
    """Give all weights in one row."""
    return torch.cat([leaf.detach().flatten().clone() for _, leaf in sorted(trainable.parameters().items())])


def lines(where: Path) -> list[dict[str, object]]:
    """Read the metrics of a run without its clocks."""
    from training.updates.metrics import read_metrics

    clocks = ("seconds", "actions_per_s")
    return [{name: line[name] for name in line if name not in clocks} for line in read_metrics(where)]
