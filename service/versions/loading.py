"""Makes policies of versions. Holds what they share: encoders, the sentences that the embedded one remembers, the
causal base model, the model server.

Loading is blocking and slow, and happens beside what serves; a version that was loaded has answered once.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from service.policies import version_name
from service.scopes import SHARED, Scope
from service.versions.remote import Unfit, lora_policy, remote_policy
from service.versions.served import Loaded, QuestionsFor
from training.policy.base import Prompt, Sampling, ServingPolicy, ShownPassage

if TYPE_CHECKING:
    from retrieval.embed.adapter import QueryAdapter, Questions
    from service.encoders import Encoders
    from service.settings import Settings
    from training.policy.causal.adapters import SharedModel
    from training.policy.extractive import ExtractivePolicy, Prior
    from training.registry.versions import Version
    from training.updates.rewards import Grounded

QUERY, REWARD = "query", "reward"  # folders of the query adapter and the reward model inside a version
WARM = Prompt(
    "When does the office open?",
    (ShownPassage(1, "warm", "warm", "Office", "The office opens at eight. It closes at six.", 1.0),),
)
log = logging.getLogger(__name__)


class Loader:
    """Loads versions for the policy that is set. Thread-safe."""

    def __init__(self, settings: Settings, encoders: Encoders) -> None:
        """Keep what is shared; nothing is loaded yet."""
        self._settings = settings
        self._encoders = encoders
        self._lock = threading.Lock()
        self._embedded: ExtractivePolicy | None = None
        self._model: SharedModel | None = None
        self._first: ServingPolicy | None = None  # what serves while nothing was promoted
        self._grounded: Grounded | None = None
        self._leaving = False

    def bases(self) -> list[Loaded]:
        """Load what serves while nothing was promoted, and behind it the embedded policy, which may be pinned."""
        import safetensors.numpy  # noqa: F401 - before anybody asks, not while the first version is swapped in

        now = time.time()
        made = [Loaded(self._base(), loaded_at=now, kept=True)]
        if self._settings.policy != "extractive":
            made.append(Loaded(self._embedded_policy(), loaded_at=now, kept=True))
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
            policy = self._choosing(policy, version)
            warm(policy)
        except BaseException:
            policy.close()
            raise
        return Loaded(policy, self._questions(adapter), scope, time.time())

    @property
    def base_may_choose(self) -> bool:
        """Whether the base, which is not trained here, is helped by the newest reward model that passed."""
        return self._settings.policy == "remote" and self._settings.best_of > 1

    def base_with(self, judged: Version) -> Loaded:
        """Let the base answer with the best of several, as the reward model of a version sees it.

        Args:
            judged: A version that was verified, with a reward model in it.

        Returns:
            The base, to be closed by the loader alone.
        """
        return Loaded(self._choosing(self._base(), judged), loaded_at=time.time(), kept=True)

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
        if self._first is not None:
            self._first.close()
        if self._model is not None:
            self._model.close()

    def _base(self) -> ServingPolicy:
        if self._first is None:
            match self._settings.policy:
                case "extractive":
                    self._first = self._embedded_policy()
                case "causal":
                    self._first = self._causal().policy("base-causal", self._settings.causal_adapter)
                case "remote":
                    name = version_name(self._settings.remote_model or "")
                    self._first = remote_policy(self._settings, name)
        return self._first

    def _choosing(self, policy: ServingPolicy, version: Version) -> ServingPolicy:
        """Have the version's reward model choose among several answers, where that is set and it has one."""
        settings = self._settings
        if settings.best_of == 1 or version.path is None or not (version.path / REWARD).is_dir():
            return policy
        from training.reward.store import load_reward
        from training.updates.choosing import ChoosingPolicy

        reward = load_reward(version.path / REWARD, self._encoders.load(settings.embedding_model)[0])
        grounded = None if settings.policy == "extractive" else self._groundedness()
        return ChoosingPolicy(policy, reward, settings.best_of, grounded=grounded)

    def _groundedness(self) -> Grounded | None:
        """Give what tells how well an answer is supported; None where the encoder is not the one it was fitted with."""
        from training.evaluation.groundedness import Groundedness

        if self._grounded is None:
            encoder = self._encoders.load(self._settings.embedding_model)[0]
            made = Groundedness.load(encoder)
            if made.weights.provenance.get("encoder") != encoder.model_name:
                log.warning("groundedness was not fitted with %r; best_of goes without it", encoder.model_name)
                return None
            self._grounded = made.of_answer
        return self._grounded

    def _policy(self, version: Version, scope: Scope) -> ServingPolicy:
        from training.policy.extractive import load_residual

        match self._settings.policy:
            case "extractive":
                residual = load_residual(version.adapter) if version.adapter else None
                return self._embedded_policy().beside(version.name, residual)
            case "causal":
                return self._causal().policy(version.name, version.adapter)
            case "remote":
                return lora_policy(self._settings, version, scope, leaving=lambda: self._leaving)

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
