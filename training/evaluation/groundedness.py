"""Is a sentence supported by the passages? A probability from named figures, without any model but the encoder.

    p = 1                                    where a passage holds the sentence word for word
    p = sigmoid(weights . features + bias)   elsewhere (features: `support_features`)

The shipped weights (`groundedness.json`) were fitted by `python -m training.evaluation.fit_groundedness --data DIR`;
the file names the data, its licences and the error rates on sentences that were not used. English; other languages are
judged by words that they share. It sees words, numbers, names, polarity and likeness of meaning: it cannot see that
"A beat B" does not follow from "B beat A".
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np

from retrieval.embed import Embedder
from training.citations.markers import strip_markers
from training.evaluation.citation_metrics import statements
from training.evaluation.support_features import FEATURES, Array, Evidence
from training.policy.base import Answer, Prompt, ShownPassage
from training.policy.extractive.embeddings import Vectors

SHIPPED = Path(__file__).with_name("groundedness.json")
_FORMAT = 1
_REMEMBERED = 16  # sets of passages: the answers of one prompt come together


class SupportScorer(Protocol):
    """Anything that tells how likely passages support a sentence: `Groundedness`, or an entailment model."""

    @property
    def threshold(self) -> float:
        """From which probability on a sentence counts as supported."""
        ...

    def score(self, passages: Sequence[str], sentence: str) -> float:
        """Give the probability that the passages, taken together, support the sentence."""
        ...


@dataclass(frozen=True)
class Weights:
    """What was fitted."""

    bias: float
    weights: Array  # (len(FEATURES),)
    threshold: float
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def probability(self, features: Array) -> float:
        """Give the probability of support for the figures of one sentence."""
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, self.bias + float(features @ self.weights)))))

    def as_dict(self) -> dict[str, Any]:
        """Give it as the file holds it."""
        named = {name: round(value, 3) for name, value in zip(FEATURES, self.weights.tolist(), strict=True)}
        return {
            "format": _FORMAT,
            "bias": round(self.bias, 3),
            "weights": named,
            "threshold": round(self.threshold, 3),
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Weights:
        """Read what `as_dict` gave.

        Args:
            data: Of the file.

        Returns:
            The weights.

        Raises:
            ValueError: It is of another format, or was fitted on other features.
        """
        if data.get("format") != _FORMAT or set(data.get("weights", ())) != set(FEATURES):
            raise ValueError(f"not weights of format {_FORMAT} over the features of this version")
        weights = np.array([data["weights"][name] for name in FEATURES], np.float32)
        return cls(float(data["bias"]), weights, float(data["threshold"]), data.get("provenance", {}))


class Groundedness:
    """The check. Thread-safe; vectors and the passages seen last are remembered."""

    def __init__(self, encoder: Embedder, weights: Weights) -> None:
        """Make a check.

        Args:
            encoder: The one that the weights were fitted with.
            weights: What was fitted.
        """
        self.weights = weights
        self._vectors = Vectors(encoder)
        self._seen: OrderedDict[tuple[str, ...], Evidence] = OrderedDict()
        self._lock = Lock()

    @classmethod
    def load(cls, encoder: Embedder | None = None, path: Path = SHIPPED) -> Groundedness:
        """Load weights.

        Args:
            encoder: Gives vectors; None loads the one that the weights name.
            path: Weights; the shipped ones by default.

        Returns:
            The check.

        Raises:
            ValueError: The file does not fit this version.
            FileNotFoundError: There is none.
        """
        weights = Weights.from_dict(json.loads(path.read_text(encoding="utf-8")))
        if encoder is None:
            from retrieval.embed import load_embedder

            encoder = load_embedder(str(weights.provenance["encoder"]))
        return cls(encoder, weights)

    @property
    def threshold(self) -> float:
        """From which probability on a sentence counts as supported."""
        return self.weights.threshold

    def score(self, passages: Sequence[str], sentence: str) -> float:
        """Give the probability that the passages support a sentence; markers in it are ignored."""
        said = strip_markers(sentence).strip()
        if not passages or not said:
            return 0.0
        evidence = self._evidence(tuple(passages))
        if evidence.verbatim(said):
            return 1.0
        return self.weights.probability(evidence.features(said))

    def of_answer(self, prompt: Prompt, answer: Answer) -> float:
        """Tell how much of an answer its passages support (`answer_groundedness`)."""
        return 1.0 if answer.abstained else answer_groundedness(answer.text, prompt.passages, self)

    def _evidence(self, passages: tuple[str, ...]) -> Evidence:
        with self._lock:
            found = self._seen.pop(passages, None)
            if found is not None:
                self._seen[passages] = found
                return found
        made = Evidence(passages, self._vectors.rows)
        with self._lock:
            self._seen[passages] = made
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        return made


def answer_groundedness(text: str, passages: Sequence[ShownPassage], scorer: SupportScorer) -> float:
    """Give the mean probability of support over the factual sentences of an answer, all shown passages together.

    Args:
        text: With or without markers.
        passages: What was shown.
        scorer: Judges a sentence.

    Returns:
        In [0, 1]; 1 for an answer that states nothing, such as an abstention.
    """
    texts = [passage.text for passage in passages]
    said = [statement.text for statement in statements(text, passages) if statement.factual]
    return sum(scorer.score(texts, sentence) for sentence in said) / len(said) if said else 1.0
