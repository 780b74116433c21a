"""Makes policies of versions. Holds what they share: encoders, the sentences that the embedded one remembers, the
causal base model, the model server.

Loading is blocking and slow, and happens beside what serves; a version that was loaded has answered once.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from service.policies import version_name
from service.scopes import SHARED, Scope, registry_folder
from service.versions.served import Loaded, QuestionsFor
from training.policy.base import Prompt, Sampling, ServingPolicy, ShownPassage

if TYPE_CHECKING:
    from retrieval.embed.adapter import QueryAdapter, Questions
    from service.encoders import Encoders
    from service.settings import Settings
    from training.policy.causal.adapters import SharedModel
    from training.policy.extractive import ExtractivePolicy, Prior
    from training.registry.versions import Version

QUERY = "query"  # folder of the query adapter inside a version
WARM = Prompt(
    "When does the office open?",
    (ShownPassage(1, "warm", "warm", "Office", "The office opens at eight. It closes at six.", 1.0),),
)
log = logging.getLogger(__name__)


class Unfit(Exception):
    """A version that the settings cannot serve: for another policy or base model. Nothing is wrong with it."""


class Loader:
    """Loads versions for the policy that is set. Thread-safe."""

    def __init__(self, settings: Settings, encoders: Encoders) -> None:
        """Keep what is shared; nothing is loaded yet."""
        self._settings = settings
        self._encoders = encoders
        self._lock = threading.Lock()
        self._embedded: ExtractivePolicy | None = None
        self._model: SharedModel | None = None
        self._leaving = False

    def bases(self) -> list[Loaded]:
        """Load what serves while nothing was promoted, and behind it the embedded policy, which may be pinned."""
        now = time.time()
        made = [Loaded(self._base(), loaded_at=now)]
        if self._settings.policy != "extractive":
            made.append(Loaded(self._embedded_policy(), loaded_at=now))
        return made

    def load(self, version: Version, scope: Scope = SHARED) -> Loaded:
        """Load a version that was verified, and have it answer once.

        Args:
            version: From `Registry.open`.
            scope: Whose registry it is from.

        Returns:
            The version, ready to serve.

        Raises:
            Unfit: It was made for another policy or base model than is set.
            Exception: Whatever is wrong with its files or with the server; nothing stays loaded.
        """
        self.must_fit(version)
        adapter = self._query_adapter(version)
        policy = self._policy(version, scope)
        try:
            warm(policy)
        except BaseException:
            policy.close()
            raise
        return Loaded(policy, self._questions(adapter), scope, time.time())

    def must_fit(self, version: Version) -> None:
        """Refuse what was made for something else; raises Unfit."""
        settings = self._settings
        kind, base = served_kind(settings)
        if kind is None:
            raise Unfit(f"{version.name} is of the {version.kind} policy, and {settings.policy} is set")
        if version.kind != kind or version.card.base != base:
            raise Unfit(
                f"{version.name} is for the {version.kind} policy on {version.card.base!r}; "
                f"{settings.policy} on {base!r} is set, so its base serves"
            )

    def leave(self) -> None:
        """The process ends: what other processes may use, such as adapters on a model server, stays from now on."""
        self._leaving = True

    def close(self) -> None:
        """Release what is shared; the policies were closed before."""
        if self._model is not None:
            self._model.close()

    def _base(self) -> ServingPolicy:
        match self._settings.policy:
            case "extractive":
                return self._embedded_policy()
            case "causal":
                return self._causal().policy("base-causal", self._settings.causal_adapter)
            case "remote":
                return self._remote(version_name(self._settings.remote_model or ""))

    def _policy(self, version: Version, scope: Scope) -> ServingPolicy:
        from training.policy.extractive import load_residual

        match self._settings.policy:
            case "extractive":
                residual = load_residual(version.adapter) if version.adapter else None
                return self._embedded_policy().beside(version.name, residual)
            case "causal":
                return self._causal().policy(version.name, version.adapter)
            case "remote":
                return self._lora(version, scope)

    def _embedded_policy(self) -> ExtractivePolicy:
        from training.policy.extractive import ExtractivePolicy

        with self._lock:
            if self._embedded is None:
                encoder, queries = self._encoders.load(self._settings.embedding_model)
                self._embedded = ExtractivePolicy(
                    encoder,
                    prior=prior_of(self._settings),
                    most_sentences=self._settings.max_answer_sentences,
                    queries=queries.encode,  # the search has just embedded the question
                )
            return self._embedded

    def _causal(self) -> SharedModel:
        from training.policy.causal.adapters import SharedModel

        with self._lock:
            if self._model is None:
                settings = self._settings
                self._model = SharedModel.load(
                    settings.causal_model, device=settings.device, dtype=settings.causal_dtype
                )
            return self._model

    def _remote(
        self,
        version: str,
        *,
        model: str | None = None,
        restore: Callable[[], None] | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> ServingPolicy:
        from training.policy.remote import Patience, RemotePolicy

        settings = self._settings
        return RemotePolicy(
            settings.remote_base_url or "",
            model or settings.remote_model or "",
            _key(settings),
            version=version,
            patience=Patience(read_s=settings.remote_timeout_s),
            restore=restore,
            on_close=on_close,
        )

    def _lora(self, version: Version, scope: Scope) -> ServingPolicy:
        """Have the model server load the version's adapter under the version's own name, which never means another."""
        from training.policy.remote import Patience
        from training.policy.remote.lora import LoraServer

        settings, adapter = self._settings, version.adapter
        if adapter is None:
            raise Unfit(f"{version.name} has no adapter")
        root = settings.remote_lora_root or settings.home / "registry"
        path = root / adapter.relative_to(registry_folder(settings, scope).parent)
        server = LoraServer(
            settings.remote_base_url or "", _key(settings), patience=Patience(read_s=settings.remote_timeout_s)
        )

        def unload() -> None:
            try:
                if not self._leaving:
                    server.unload(version.name)
            finally:
                server.close()

        def restore() -> None:
            log.warning("the model server lost the adapter %s; it is loaded again", version.name)
            server.load(version.name, str(path))

        try:
            server.load(version.name, str(path))
        except BaseException:
            server.close()
            raise
        return self._remote(version.name, model=version.name, restore=restore, on_close=unload)

    def _query_adapter(self, version: Version) -> QueryAdapter | None:
        from retrieval.embed.adapter import load_query_adapter

        if version.path is None or not (version.path / QUERY).is_dir():
            return None
        adapter = load_query_adapter(version.path / QUERY)
        if adapter.model_name != self._settings.embedding_model:
            log.warning("the query adapter of %s, for %r, is left out", version.name, adapter.model_name)
            return None
        return adapter

    def _questions(self, adapter: QueryAdapter | None) -> QuestionsFor | None:
        """Give what encodes questions for search: moved by what was learned, where something was."""
        from retrieval.embed.adapter import AdaptedQuestions

        if adapter is None:
            return None

        def questions(model_name: str) -> Questions:
            encoder = self._encoders.query(model_name)
            return AdaptedQuestions(encoder, adapter) if adapter.model_name == model_name else encoder

        return questions


def served_kind(settings: Settings) -> tuple[str | None, str]:
    """Give the kind of version that can serve and the base it must have; None where no version can."""
    from training.policy.extractive.weights import base_name

    match settings.policy:
        case "extractive":
            return "extractive", base_name(settings.embedding_model, settings.extractive_start)
        case "causal":
            return "causal", settings.causal_model
        case "remote":
            return ("causal" if settings.remote_lora else None), settings.remote_model or ""


def warm(policy: ServingPolicy) -> None:
    """Have a policy answer once, so that the first real question finds it as quick as the second."""
    policy.sample([WARM], 1, Sampling(max_tokens=1))


def prior_of(settings: Settings) -> Prior:
    """Take the prior for the embedding model; shift its log-odds of silence, so that 1 in 2 becomes the threshold."""
    from training.policy.extractive import Prior
    from training.policy.extractive.features import HALT_FEATURES

    prior = Prior.for_encoder(settings.embedding_model, settings.extractive_start)
    threshold = settings.abstain_threshold
    if prior is not Prior.shipped() and settings.extractive_start == "shipped":
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


def _key(settings: Settings) -> str:
    return "" if settings.remote_api_key is None else settings.remote_api_key.get_secret_value()
