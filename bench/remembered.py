"""Vectors kept between runs of a benchmark, so that what is measured is not the encoder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from retrieval.embed import Embedder
from retrieval.embed.base import EncodeKind, Progress, Vectors


class KeptVectors:
    """An encoder with a memory on disk, by hash of the text. Not thread-safe."""

    def __init__(self, encoder: Embedder, path: Path) -> None:
        self.model_name = encoder.model_name
        self.dimension = encoder.dimension
        self._encoder, self._path, self._new = encoder, path, 0
        self._known: dict[str, Vectors] = {}
        if path.exists():
            with np.load(path) as stored:
                self._known = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))

    def encode(
        self, texts: Sequence[str], *, kind: EncodeKind = "passage", on_progress: Progress | None = None
    ) -> Vectors:
        """Encode what is new; `(len(texts), dimension)` float32 unit rows."""
        keys = [hashlib.sha256(f"{kind}\n{text}".encode()).hexdigest()[:32] for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if new:
            self._known.update(zip(new, self._encoder.encode([*new.values()], kind=kind), strict=True))
            self._new += len(new)
        rows = [self._known[key] for key in keys]
        return np.stack(rows) if rows else np.zeros((0, self.dimension), np.float32)

    def save(self) -> None:
        """Keep what is new."""
        if self._new:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part = self._path.with_suffix(".part.npz")
            np.savez(part, keys=np.array([*self._known]), vectors=np.stack([*self._known.values()]))
            part.replace(self._path)
            self._new = 0
