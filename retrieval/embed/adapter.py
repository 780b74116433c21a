"""A small learned change of questions' vectors, so that search improves without encoding a document anew.

    q' = unit(q + clip(strength x sum_i k_i g_i / (shrink + sum_i k_i)))        k_i = exp((q . q_i - 1) / width)

(q_i, g_i) are judged questions and the direction in which each judgement says the question should have moved. It is a
Nadaraya-Watson average shrunk towards no change: a question unlike all judged ones stays where it is, many judgements
of the same kind outweigh one, and no question moves farther than `bound`.
"""

from __future__ import annotations

import json
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from retrieval.embed.base import Vectors, unit_rows

FORMAT = 1
KIND = "query-kernel"
_MANIFEST, _WEIGHTS = "adapter.json", "queries.safetensors"
_FAR = 0.5  # below this cosine two questions have nothing to do with each other


@dataclass(frozen=True)
class QueryAdapter:
    """What was learned. Immutable and thread-safe."""

    model_name: str  # the encoder whose vectors it moves
    keys: Vectors  # (n, d) unit vectors of judged questions
    pushes: Vectors  # (n, d) where each should have moved
    strength: float = 0.5
    width: float = 0.1
    shrink: float = 0.1
    bound: float = 0.3  # a unit vector moved by 0.3 turns by at most 17 degrees

    def apply(self, vectors: Vectors) -> Vectors:
        """Move questions.

        Args:
            vectors: `(m, d)` float32 unit vectors.

        Returns:
            `(m, d)` float32 unit vectors.
        """
        if not len(self.keys):
            return vectors
        cosines = vectors @ self.keys.T  # (m, n)
        near = np.where(cosines >= _FAR, np.exp((cosines - 1.0) / self.width), 0.0).astype(np.float32)
        moves = self.strength * (near @ self.pushes) / (self.shrink + near.sum(axis=1, keepdims=True))  # (m, d)
        lengths = np.linalg.norm(moves, axis=1, keepdims=True)
        moves *= np.minimum(1.0, self.bound / np.maximum(lengths, 1e-12))
        return unit_rows(vectors + moves)

    def files(self) -> dict[str, bytes]:
        """Give the files of its directory by name; publishing them durably is the caller's business."""
        from safetensors.numpy import save

        manifest = {
            "format": FORMAT,
            "kind": KIND,
            "model_name": self.model_name,
            "strength": self.strength,
            "width": self.width,
            "shrink": self.shrink,
            "bound": self.bound,
        }
        tensors = {"keys": np.ascontiguousarray(self.keys), "pushes": np.ascontiguousarray(self.pushes)}
        return {_MANIFEST: json.dumps(manifest, indent=2).encode(), _WEIGHTS: save(tensors)}


def load_query_adapter(directory: Path) -> QueryAdapter:
    """Read an adapter.

    Args:
        directory: Where its files are.

    Returns:
        The adapter.

    Raises:
        ValueError: The directory holds something else, or weights that are not finite.
        FileNotFoundError: A file is missing.
    """
    from safetensors.numpy import load_file

    manifest = json.loads((directory / _MANIFEST).read_text())
    if manifest.pop("kind", None) != KIND or manifest.pop("format", None) != FORMAT:
        raise ValueError(f"{directory} is not an adapter of kind {KIND}, format {FORMAT}")
    stored = load_file(directory / _WEIGHTS)
    keys, pushes = stored["keys"], stored["pushes"]
    if keys.ndim != 2 or keys.shape != pushes.shape or not (np.isfinite(keys).all() and np.isfinite(pushes).all()):
        raise ValueError(f"the vectors in {directory} do not belong together, or are not finite")
    return QueryAdapter(keys=keys, pushes=pushes, **manifest)


class Questions(Protocol):
    """Gives the vectors of questions without making anybody wait for the model."""

    @property
    def model_name(self) -> str:
        """The encoder."""

    def submit(self, text: str) -> Future[Vectors]:
        """Queue a text; the future gives its `(dimension,)` unit vector."""


class AdaptedQuestions:
    """A query encoder with an adapter behind it. Thread-safe. Closing the encoder is its owner's business."""

    def __init__(self, encoder: Questions, adapter: QueryAdapter) -> None:
        """Put the adapter behind the encoder; ValueError when it was learned for another one."""
        if adapter.model_name != encoder.model_name:
            raise ValueError(f"the adapter moves vectors of {adapter.model_name}, not of {encoder.model_name}")
        self.model_name = encoder.model_name
        self._encoder = encoder
        self._adapter = adapter

    def submit(self, text: str) -> Future[Vectors]:
        """Queue a text; the future gives its `(dimension,)` unit vector, moved."""
        moved: Future[Vectors] = Future()

        def move(done: Future[Vectors]) -> None:
            if (error := done.exception()) is not None:
                moved.set_exception(error)
            else:
                moved.set_result(self._adapter.apply(done.result()[None])[0])

        self._encoder.submit(text).add_done_callback(move)
        return moved
