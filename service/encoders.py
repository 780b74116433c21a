"""Encoders of questions and passages by model name, shared by search and policies.

Importing this loads nothing heavy; torch only where an encoder runs on it.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from service.errors import unavailable
from service.settings import Settings

if TYPE_CHECKING:
    from retrieval.embed.base import Embedder
    from retrieval.embed.query import QueryEncoder

RETRY_S = 60
log = logging.getLogger(__name__)


class Encoders:
    """Encoders by model name: a collection keeps the model that it was made with. Thread-safe.

    A model that was not loaded at the start is loaded in the background, because a search must not stop the event loop
    for the seconds that this takes.
    """

    def __init__(self, settings: Settings) -> None:
        """Keep the settings; nothing is loaded yet."""
        self._settings = settings
        self._lock = threading.Lock()
        self._loaded: dict[str, tuple[Embedder, QueryEncoder]] = {}
        self._loading: dict[str, threading.Thread] = {}
        self._failed: dict[str, float] = {}  # model name -> when, on the monotonic clock

    def load(self, model_name: str) -> tuple[Embedder, QueryEncoder]:
        """Give the encoder, and the one that puts concurrent questions into one batch; loads them now if need be."""
        from retrieval.embed.load import load_embedder
        from retrieval.embed.query import QueryEncoder

        if (known := self._loaded.get(model_name)) is not None:
            return known
        embedder = load_embedder(
            model_name,
            dtype=self._settings.embedding_dtype,
            threads=self._settings.embed_threads,
            cache_dir=self._settings.encoder_cache or self._settings.home / "cache" / "encoders",
            device=None if self._settings.device == "auto" else self._settings.device,
        )
        self._loaded[model_name] = embedder, QueryEncoder(embedder)
        return self._loaded[model_name]

    def query(self, model_name: str) -> QueryEncoder:
        """Give the encoder for questions; never waits: an ApiError 503 while it loads, or if it cannot."""
        if (known := self._loaded.get(model_name)) is not None:
            return known[1]
        with self._lock:
            if time.monotonic() - self._failed.get(model_name, -RETRY_S) < RETRY_S:
                raise unavailable("search", f"the embedding model {model_name!r} does not load", retry_after_s=RETRY_S)
            if model_name not in self._loading:
                thread = threading.Thread(target=self._load_behind, args=(model_name,), daemon=True)
                self._loading[model_name] = thread
                thread.start()
        raise unavailable("search", f"the embedding model {model_name!r} is loading", retry_after_s=5)

    def close(self) -> None:
        """Stop the batching threads."""
        for thread in list(self._loading.values()):
            thread.join()
        for _, encoder in self._loaded.values():
            encoder.close()

    def _load_behind(self, model_name: str) -> None:
        try:
            self.load(model_name)
        except Exception:
            log.exception("the embedding model %r does not load", model_name)
            self._failed[model_name] = time.monotonic()
        finally:
            with self._lock:
                self._loading.pop(model_name, None)
