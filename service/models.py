"""What is heavy: the encoders, the search and the policies. `load_models` is the only code of the API that imports torch and faiss."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.catalog import Catalog
from service.policies import PolicyBook
from service.settings import Settings

if TYPE_CHECKING:
    from retrieval.embed.base import Embedder
    from retrieval.embed.query import QueryEncoder
    from retrieval.search import Searcher
    from training.policy.base import ServingPolicy


@dataclass(frozen=True, slots=True)
class Models:
    """The heavy parts, whole."""

    searcher: Searcher
    policies: PolicyBook
    close: Callable[[], None]


class Encoders:
    """Encoders by model name, loaded when first asked for: a collection keeps the model that it was made with. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        """Keep the settings; nothing is loaded yet."""
        self._settings = settings
        self._lock = threading.Lock()
        self._embedders: dict[str, Embedder] = {}
        self._queries: dict[str, QueryEncoder] = {}

    def embedder(self, model_name: str) -> Embedder:
        """Give the encoder itself. The first call for a model takes seconds."""
        from retrieval.embed.load import load_embedder

        with self._lock:
            if model_name not in self._embedders:
                self._embedders[model_name] = load_embedder(
                    model_name,
                    dtype=self._settings.embedding_dtype,
                    threads=self._settings.embed_threads,
                    device=None if self._settings.device == "auto" else self._settings.device,
                )
            return self._embedders[model_name]

    def query(self, model_name: str) -> QueryEncoder:
        """Give the encoder that puts concurrent questions into one batch."""
        from retrieval.embed.query import QueryEncoder

        embedder = self.embedder(model_name)
        with self._lock:
            if model_name not in self._queries:
                self._queries[model_name] = QueryEncoder(embedder)
            return self._queries[model_name]

    def close(self) -> None:
        """Stop the batching threads."""
        with self._lock:
            for encoder in self._queries.values():
                encoder.close()


def load_models(settings: Settings, catalog: Catalog) -> Models:
    """Load everything that answers; takes seconds, so it runs in a thread of its own.

    Args:
        settings: Which models, and how.
        catalog: Where the documents are.

    Returns:
        The parts, warm: the first question is as quick as the second.
    """
    from retrieval.search import Searcher

    with contextlib.ExitStack() as stack:
        encoders = Encoders(settings)
        stack.callback(encoders.close)
        searcher = Searcher(catalog, settings.home / "indexes", encoders.query)
        stack.callback(searcher.close)
        policies = PolicyBook(load_policies(settings, encoders), loaded_at=time.time())
        stack.callback(policies.close)
        encoders.query(settings.embedding_model).encode("warm")
        return Models(searcher, policies, stack.pop_all().close)


def load_policies(settings: Settings, encoders: Encoders) -> list[ServingPolicy]:
    """Load the routed policy, and behind it the embedded one, which may always be pinned."""
    from training.policy.extractive import ExtractivePolicy

    embedded: ServingPolicy = ExtractivePolicy(
        encoders.embedder(settings.embedding_model),
        max_sentences=settings.max_answer_sentences,
        abstain_threshold=settings.abstain_threshold,
    )
    match settings.policy:
        case "extractive":
            return [embedded]
        case "causal":
            return [_causal(settings), embedded]
        case "remote":
            return [_remote(settings), embedded]


def _causal(settings: Settings) -> ServingPolicy:
    from training.policy.causal import CausalLMPolicy

    return CausalLMPolicy.load(
        settings.causal_model,
        adapter=settings.causal_adapter,
        version="base-causal",
        device=settings.device,
        dtype=settings.causal_dtype,
    )


def _remote(settings: Settings) -> ServingPolicy:
    from training.policy.remote import RemotePolicy

    key = settings.remote_api_key
    return RemotePolicy(
        settings.remote_base_url or "",
        settings.remote_model or "",
        api_key=None if key is None else key.get_secret_value(),
        timeout_s=settings.remote_timeout_s,
    )
