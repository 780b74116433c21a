"""What is heavy: the encoders, the search and the policies.

`load_models` is the only code of the API that imports FAISS and what runs models. Torch is among it only where the
encoder or the policy runs on it: an embedded encoder on OpenVINO with the extractive policy does without.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrieval.catalog import Catalog
from service.errors import unavailable
from service.learned import Learned, find_learned
from service.policies import PolicyBook, version_name
from service.scopes import SHARED
from service.settings import Settings
from service.versions.served import Loaded
from service.versions.snapshot import Arms, Snapshot

if TYPE_CHECKING:
    from retrieval.embed.adapter import Questions
    from retrieval.embed.base import Embedder
    from retrieval.embed.query import QueryEncoder
    from retrieval.search import Searcher
    from training.policy.base import ServingPolicy
    from training.policy.extractive import Prior

RETRY_S = 60
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Models:
    """The heavy parts, whole."""

    searcher: Searcher
    policies: PolicyBook
    close: Callable[[], None]


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
        for name in {settings.embedding_model, *(c.embedding_model for c in catalog.all_collections())}:
            _load_if_possible(encoders, name, required=name == settings.embedding_model)
        learned = find_learned(settings)
        searcher = Searcher(catalog, settings.home / "indexes", encoders.query)
        stack.callback(searcher.close)
        first, *others = load_policies(settings, encoders, learned)
        now = time.time()
        champion = Loaded(first, _questions(encoders, learned), loaded_at=now)
        pins = {policy.version: Loaded(policy, loaded_at=now) for policy in others}
        policies = PolicyBook(Snapshot({SHARED: Arms(champion)}, pins))
        stack.callback(policies.close)
        encoders.query(settings.embedding_model).encode("warm")
        searcher.warm()
        return Models(searcher, policies, stack.pop_all().close)


def _load_if_possible(encoders: Encoders, name: str, *, required: bool) -> None:
    """One collection whose model has gone must not keep the others from being served."""
    try:
        encoders.load(name)
    except Exception:
        if required:
            raise
        log.exception("the embedding model %r does not load; its collections cannot be searched", name)


def load_policies(settings: Settings, encoders: Encoders, learned: Learned | None = None) -> list[ServingPolicy]:
    """Load the routed policy, and behind it what it was trained from and the embedded one, which may be pinned."""
    embedded = _extractive(settings, encoders, None)
    match settings.policy:
        case "extractive":
            return [_extractive(settings, encoders, learned), embedded] if learned else [embedded]
        case "causal":
            return [_causal(settings, learned), embedded]
        case "remote":
            return [_remote(settings), embedded]


def _questions(encoders: Encoders, learned: Learned | None) -> Callable[[str], Questions]:
    """Give what encodes questions for search: moved by what was learned, where something was."""
    from retrieval.embed.adapter import AdaptedQuestions

    adapter = learned.query if learned else None

    def questions(model_name: str) -> Questions:
        encoder = encoders.query(model_name)
        return AdaptedQuestions(encoder, adapter) if adapter and adapter.model_name == model_name else encoder

    return questions


def _extractive(settings: Settings, encoders: Encoders, learned: Learned | None) -> ServingPolicy:
    from training.policy.extractive import ExtractivePolicy, load_residual

    encoder, queries = encoders.load(settings.embedding_model)
    return ExtractivePolicy(
        encoder,
        version=learned.version if learned else "base-extractive",
        residual=load_residual(learned.adapter) if learned and learned.adapter else None,
        prior=_prior(settings),
        most_sentences=settings.max_answer_sentences,
        queries=queries.encode,  # the search has just embedded the question
    )


def _prior(settings: Settings) -> Prior:
    """Take the prior for the embedding model; shift its log-odds of silence, so that 1 in 2 becomes the threshold."""
    from training.policy.extractive import Prior
    from training.policy.extractive.features import HALT_FEATURES

    prior, threshold = Prior.for_encoder(settings.embedding_model), settings.abstain_threshold
    if prior is not Prior.shipped():
        log.log(
            logging.WARNING if settings.policy == "extractive" else logging.INFO,
            "the extractive policy was fitted with the embedding model %r and not with %r: it goes by plain "
            "similarity, gives one or two sentences and hardly ever says that the documents do not hold the answer. "
            "Use that embedding model, or another GROUNDLOOP_POLICY",
            Prior.fitted_encoder(),
            settings.embedding_model,
        )
    if threshold is None:
        return prior
    halt = prior.halt.copy()
    halt[HALT_FEATURES.index("begin")] -= math.log(threshold / (1 - threshold))
    return replace(prior, halt=halt)


def _causal(settings: Settings, learned: Learned | None) -> ServingPolicy:
    from training.policy.causal import CausalLMPolicy

    return CausalLMPolicy.load(
        settings.causal_model,
        adapter=learned.adapter if learned else settings.causal_adapter,
        version=learned.version if learned else "base-causal",
        device=settings.device,
        dtype=settings.causal_dtype,
    )


def _remote(settings: Settings) -> ServingPolicy:
    from training.policy.remote import Patience, RemotePolicy

    key = settings.remote_api_key
    return RemotePolicy(
        settings.remote_base_url or "",
        settings.remote_model or "",
        "" if key is None else key.get_secret_value(),
        version=version_name(settings.remote_model or ""),
        patience=Patience(read_s=settings.remote_timeout_s),
    )
