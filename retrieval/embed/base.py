"""The port every encoder satisfies, and the one place where encoder output is checked and normalised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

EncodeKind = Literal["query", "passage"]
Vectors = npt.NDArray[np.float32]
Progress = Callable[[int], None]


class Embedder(Protocol):
    """Turns texts into unit vectors. Implementations may be called from several threads."""

    @property
    def model_name(self) -> str:
        """Name by which a collection remembers its encoder."""

    @property
    def dimension(self) -> int:
        """Length of every vector."""

    def encode(
        self, texts: Sequence[str], *, kind: EncodeKind = "passage", on_progress: Progress | None = None
    ) -> Vectors:
        """Encode texts; a row depends on its own text only, not on what else is in the call (to float tolerance).

        Args:
            texts: Any number of texts, of any length; what exceeds the model's window is cut off at its end.
            kind: Models trained with different prompts for questions and passages use it; others ignore it.
            on_progress: Called with the number of texts done so far, after each internal batch.

        Returns:
            `(len(texts), dimension)` float32, rows of length one.
        """


def unit_rows(vectors: Vectors) -> Vectors:
    """Scale each row of `(n, d)` to length one; a zero row stays zero.

    A value that is not finite raises ValueError: it would poison every later search silently.
    """
    if not np.isfinite(vectors).all():
        raise ValueError("the encoder produced a vector that is not finite")
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)
