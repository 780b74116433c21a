"""An entailment model in place of the shipped check: any cross-encoder with an "entailment" label, by name or folder.

Slower and, where one is at hand, better with paraphrases; its error rates are not stated here. Follows `SupportScorer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import numpy as np

from training.citations.markers import strip_markers
from training.citations.support import Source


class EntailmentScorer:
    """The model. Thread-safe: one call at a time runs."""

    def __init__(self, model: str, *, threshold: float = 0.5, device: str | None = None) -> None:
        """Load a model.

        Args:
            model: Name on the hub, or a folder, of a sequence classifier of (premise, hypothesis).
            threshold: From which probability on a sentence counts as supported.
            device: A torch device; None leaves the choice to sentence-transformers.

        Raises:
            ValueError: No label of the model begins with "entail".
        """
        from sentence_transformers import CrossEncoder

        self._model = CrossEncoder(model, device=device)
        labels = self._model.model.config.id2label
        found = [int(place) for place, label in labels.items() if str(label).lower().startswith("entail")]
        if len(found) != 1:
            raise ValueError(f"{model} has the labels {', '.join(map(str, labels.values()))}: none is entailment")
        self._label = found[0]
        self._threshold = threshold
        self._lock = Lock()

    @property
    def threshold(self) -> float:
        """From which probability on a sentence counts as supported."""
        return self._threshold

    def score(self, passages: Sequence[str], sentence: str) -> float:
        """Give the highest probability that a passage entails the sentence; 1 where one holds it word for word.

        Args:
            passages: Each is a premise of its own; what exceeds the model's window is cut off at its end.
            sentence: The hypothesis; markers in it are ignored.

        Returns:
            In [0, 1]; 0 without passages or words.
        """
        said = strip_markers(sentence).strip()
        if not passages or not said:
            return 0.0
        if any(Source(text).verbatim(said) is not None for text in passages):
            return 1.0
        with self._lock:
            chances = self._model.predict([(text, said) for text in passages], apply_softmax=True)
        return float(np.asarray(chances)[:, self._label].max())
