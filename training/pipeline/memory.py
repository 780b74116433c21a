"""An encoder that remembers, so that champion, candidate and reward model encode each text once between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrieval.embed.base import Embedder, EncodeKind, Progress, Vectors


class RememberingEmbedder:
    """Keeps every vector it gave, 1.5 kB each at 384 dimensions, for the life of one job. Not thread-safe."""

    def __init__(self, encoder: Embedder) -> None:
        self.model_name = encoder.model_name
        self.dimension = encoder.dimension
        self._encoder = encoder
        self._known: dict[tuple[EncodeKind, str], Vectors] = {}

    def encode(
        self, texts: Sequence[str], *, kind: EncodeKind = "passage", on_progress: Progress | None = None
    ) -> Vectors:
        """Encode what is new; `(len(texts), dimension)` float32 unit rows."""
        new = [text for text in dict.fromkeys(texts) if (kind, text) not in self._known]
        if new:
            vectors = self._encoder.encode(new, kind=kind, on_progress=on_progress)
            self._known.update(((kind, text), vector) for text, vector in zip(new, vectors, strict=True))
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        return np.stack([self._known[kind, text] for text in texts])
