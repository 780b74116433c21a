"""A deterministic encoder without a model: words and their trigrams hashed into signed buckets.

Texts that share words are near each other, which is all that tests of the machinery need. It knows nothing of meaning.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import numpy as np

from retrieval.embed.base import EncodeKind, Progress, Vectors, unit_rows

HASHING_MODEL = "hashing"
_WORD = re.compile(r"\w+")


class HashingEmbedder:
    """Feature hashing; thread-safe, no state.

    Args:
        dimension: Length of the vectors.
    """

    def __init__(self, dimension: int = 384) -> None:
        self.model_name = HASHING_MODEL
        if dimension < 1:
            raise ValueError(f"dimension must be positive, not {dimension}")
        self.dimension = dimension

    def encode(
        self, texts: Sequence[str], *, kind: EncodeKind = "passage", on_progress: Progress | None = None
    ) -> Vectors:
        """Encode texts into `(n, dimension)` float32 unit rows; `kind` makes no difference."""
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for feature, weight in _features(text):
                code = zlib.crc32(feature.encode())
                row[(code >> 1) % self.dimension] += weight if code & 1 else -weight
        if on_progress is not None:
            on_progress(len(texts))
        return unit_rows(rows)


def _features(text: str) -> list[tuple[str, float]]:
    features: list[tuple[str, float]] = [("", 1e-3)]  # so that a text without words still has a direction
    for word in _WORD.findall(text.lower()):
        features.append((word, 1.0))
        features.extend((f"#{word[i : i + 3]}", 0.25) for i in range(len(word) - 2))
    return features
