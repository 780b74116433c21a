"""What the heads read of an answer: a row of numbers. One implementation for each kind of base."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from retrieval.embed import Embedder
from training.policy.base import Answer, Prompt
from training.reward.features.describe import Describer
from training.reward.features.names import FEATURES

Array = npt.NDArray[np.float32]
Progress = Callable[[str, float], None]  # what is being done, and its share done in [0, 1]
Record = Callable[[str, float, float], None]  # takes a point of a curve: its name, x, y


class Representation(Protocol):
    """Turns the answers to a prompt into rows. Thread-safe."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Name of every column; named features first."""
        ...

    def rows(self, prompt: Prompt, answers: Sequence[Answer]) -> Array:
        """Give `(K, len(columns))` float32."""
        ...

    def files(self) -> dict[str, bytes]:
        """Give what must be stored to make it again, by file name."""
        ...

    def manifest(self) -> dict[str, Any]:
        """Give what `load_reward` needs to know to make it again."""
        ...


class FeatureRepresentation:
    """Named features and, where wanted, the products of the vectors of question and answer."""

    def __init__(self, encoder: Embedder, *, semantic: bool, describer: Describer | None = None) -> None:
        self._encoder, self._semantic = encoder, semantic
        self.describer = describer or Describer(encoder)
        products = [f"product_{at}" for at in range(encoder.dimension)] if semantic else []
        self._columns = (*FEATURES, *products)

    @property
    def columns(self) -> tuple[str, ...]:
        """Name of every column."""
        return self._columns

    def rows(self, prompt: Prompt, answers: Sequence[Answer]) -> Array:
        """Give `(K, len(columns))` float32."""
        named = self.describer.describe(prompt, answers)
        if not self._semantic:
            return named
        return np.concatenate([named, self.describer.products(prompt, answers)], axis=1)

    def files(self) -> dict[str, bytes]:
        """Give nothing: it is made of the encoder alone."""
        return {}

    def manifest(self) -> dict[str, Any]:
        """Tell the encoder and whether products are used."""
        return {"kind": "features", "encoder": self._encoder.model_name, "semantic": self._semantic}


def represent(
    representation: Representation,
    prompts: Sequence[Prompt],
    answers: Sequence[Sequence[Answer]],
    progress: Progress | None = None,
) -> Array:
    """Give the rows of all answers, one prompt after the other.

    Args:
        representation: Makes the rows.
        prompts: E prompts.
        answers: The answers to each.
        progress: Told how far it is.

    Returns:
        `(N, D)` float32.

    Raises:
        ValueError: A number is not finite.
    """
    made = []
    for at, (prompt, group) in enumerate(zip(prompts, answers, strict=True)):
        if group:
            made.append(representation.rows(prompt, group))
        if progress is not None and at % 20 == 0:
            progress("reading answers", at / len(prompts))
    rows = np.concatenate(made) if made else np.zeros((0, len(representation.columns)), np.float32)
    if not np.isfinite(rows).all():
        raise ValueError("an answer was described by a number that is not finite")
    return rows
