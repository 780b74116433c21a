"""Any other sentence-transformers model, through the library itself: unusual pooling, extra layers, hub names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retrieval.embed.base import EncodeKind, Progress, Vectors, unit_rows

_WINDOW = 256  # texts between two calls of `on_progress`


class SentenceTransformerEmbedder:
    """Wraps a `SentenceTransformer`; thread-safe.

    Args:
        model_name: Name by which collections remember it.
        model: The loaded library object.
        backend: What runs it, for status pages.
    """

    def __init__(self, model_name: str, model: Any, *, backend: str) -> None:
        self.model_name = model_name
        self.backend = backend
        self._model = model
        self.dimension = int(model.get_embedding_dimension())

    def encode(
        self, texts: Sequence[str], *, kind: EncodeKind = "passage", on_progress: Progress | None = None
    ) -> Vectors:
        """Encode texts into `(n, dimension)` float32 unit rows; see `Embedder.encode`."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        encode = self._model.encode_query if kind == "query" else self._model.encode_document
        for start in range(0, len(texts), _WINDOW):
            window = list(texts[start : start + _WINDOW])
            vectors[start : start + len(window)] = encode(window, show_progress_bar=False, convert_to_numpy=True)
            if on_progress is not None:
                on_progress(start + len(window))
        return unit_rows(vectors)
