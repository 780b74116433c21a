"""Encoders that say that they make progress: one long document may be encoded for minutes in a single call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrieval.embed.base import Embedder, EncodeKind, Progress, Vectors


def beating_embedders(embedder_for: Callable[[str], Embedder], beat: Callable[[], None]) -> Callable[[str], Embedder]:
    """Wrap encoders.

    Args:
        embedder_for: Gives the encoder of a model's name.
        beat: Called after each internal batch of an encoder.

    Returns:
        The same encoders, beating.
    """
    return lambda model_name: _Beating(embedder_for(model_name), beat)


class _Beating:
    """An encoder that beats."""

    def __init__(self, inner: Embedder, beat: Callable[[], None]) -> None:
        self._inner = inner
        self._beat = beat

    @property
    def model_name(self) -> str:
        return self._inner.model_name

    @property
    def dimension(self) -> int:
        return self._inner.dimension

    def encode(
        self, texts: Sequence[str], *, kind: EncodeKind = "passage", on_progress: Progress | None = None
    ) -> Vectors:
        def progress(done: int) -> None:
            self._beat()
            if on_progress is not None:
                on_progress(done)

        return self._inner.encode(texts, kind=kind, on_progress=progress)
