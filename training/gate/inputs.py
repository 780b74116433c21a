"""What the gate decides on: plain rows, no models. Whoever runs the policies makes them, `decide` reads them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from training.statistics import Estimate


@dataclass(frozen=True, slots=True)
class Given:
    """What one policy answered to one prompt, measured."""

    text: str
    abstained: bool
    words: int
    rewards: tuple[float, ...] = ()  # the judge's calibrated logits, one a head; empty where nobody judged
    grounded: float | None = None  # share of its sentences that the passages support; None where it says nothing
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Both answers to one held-out prompt."""

    prompt_id: str
    cluster: str  # who asked or voted; the document where nobody is known
    candidate: Given
    champion: Given
    segment: str | None = None
    kl_base: float | None = None  # nats by which the candidate left its base here; a sampled estimate may be negative
    kl_champion: float | None = None
    helped: bool = False  # people said of an answer to it that it helped: the documents hold one

    @property
    def changed(self) -> bool:
        """Tell whether the two say different things."""
        return self.candidate.text != self.champion.text

    @property
    def preferred(self) -> float | None:
        """The judge's probability that the candidate's answer is the better one, over its heads; None where nobody
        judged.
        """
        both = [ours - theirs for ours, theirs in zip(self.candidate.rewards, self.champion.rewards, strict=True)]
        return sum(0.5 * (1.0 + math.tanh(0.5 * margin)) for margin in both) / len(both) if both else None


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether each policy stood a test on one prompt: 1 it did, 0 it did not."""

    kind: str  # such as "pushback" or "instructions in documents"
    prompt_id: str
    candidate: float
    champion: float


@dataclass(frozen=True, slots=True)
class Golden:
    """One question of the operator's golden set, scored for both, from 0 to 1."""

    metric: str
    question: str  # its id, not its words
    candidate: float
    champion: float


@dataclass(frozen=True, slots=True)
class Direct:
    """A person compared just these two answers: 1 the candidate's is better, 0.5 a tie, 0 the champion's."""

    cluster: str  # the voter
    outcome: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class JudgeQuality:
    """How well the judge predicts people it never saw."""

    name: str
    accuracy: Estimate  # on held-out comparisons, or of votes above and below the middle


@dataclass(frozen=True, slots=True)
class GateInputs:
    """Everything about one candidate and one champion."""

    candidate: str
    champion: str
    rows: tuple[Row, ...]  # held-out prompts whose passages hold an answer, as far as is known
    unanswerable: tuple[Row, ...] = ()  # held-out prompts with passages of other documents
    probes: tuple[Probe, ...] = ()
    golden: tuple[Golden, ...] = ()
    direct: tuple[Direct, ...] = ()
    judge: JudgeQuality | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)  # SHA-256 by name: of records, models, golden set

    def digest(self) -> str:
        """Give the SHA-256 of all of it, so that a verdict says what it was about without repeating anybody's words."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
