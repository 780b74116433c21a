"""The encoders of an ingest process: each loaded once, each saying that it makes progress.

One long document may be encoded for minutes in a single call, which must not look like a process that hangs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from service.settings import Settings

if TYPE_CHECKING:
    from retrieval.embed.base import Embedder, EncodeKind, Progress, Vectors


class Embedders:
    """Gives the encoder of a model's name, loading it the first time."""

    def __init__(self, settings: Settings, beat: Callable[[], None]) -> None:
        """Load nothing yet.

        Args:
            settings: How to load.
            beat: Called after each internal batch of an encoder.
        """
        self._settings = settings
        self._beat = beat
        self._loaded: dict[str, Embedder] = {}

    def __call__(self, model_name: str) -> Embedder:
        """Give the encoder; the first call for a model takes seconds."""
        from retrieval.embed.load import load_embedder

        if model_name not in self._loaded:
            settings = self._settings
            inner = load_embedder(
                model_name,
                dtype=settings.embedding_dtype,
                threads=settings.embed_threads,
                cache_dir=settings.encoder_cache or settings.home / "cache" / "encoders",
                device=None if settings.device == "auto" else settings.device,
            )
            self._loaded[model_name] = BeatingEmbedder(inner, self._beat)
        return self._loaded[model_name]


class BeatingEmbedder:
    """An encoder that beats."""

    def __init__(self, inner: Embedder, beat: Callable[[], None]) -> None:
        """Wrap an encoder."""
        self._inner = inner
        self._beat = beat

    @property
    def model_name(self) -> str:
        """Name by which a collection remembers its encoder."""
        return self._inner.model_name

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return self._inner.dimension

    def encode(
        self, texts: Sequence[str], *, kind: EncodeKind = "passage", on_progress: Progress | None = None
    ) -> Vectors:
        """Encode as the inner one does, `(len(texts), dimension)`."""

        def progress(done: int) -> None:
            self._beat()
            if on_progress is not None:
                on_progress(done)

        return self._inner.encode(texts, kind=kind, on_progress=progress)
