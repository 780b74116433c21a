"""Random texts with the shape of language: few frequent words, many rare ones."""

from __future__ import annotations

import numpy as np

_STEMS = [a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in ("nd", "rk", "lt", "mp", "st", "ck")]


def random_texts(count: int, seed: int = 0, *, words: tuple[int, int] = (5, 60)) -> list[str]:
    """Make texts; the same seed gives the same ones."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, len(_STEMS) + 1)
    lengths = rng.integers(*words, count)
    return [" ".join(rng.choice(_STEMS, length, p=weights / weights.sum())) for length in lengths]


def random_queries(count: int, seed: int = 1) -> list[str]:
    """Make short texts of the same words."""
    return random_texts(count, seed, words=(1, 6))
