"""The distribution of the extractive policy: at each step STOP, or one of the sentences that are left.

    log p(STOP)       = log sigmoid(u)
    log p(sentence i) = log sigmoid(-u) + log softmax(s)_i

u is the log-odds of STOP (abstaining at the first step, having said enough later), s are the scores of the sentences.
Both are linear in named features, with weights prior + residual. After the last allowed sentence, or when none is left,
STOP has probability 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.policy.base import Prompt
from training.policy.extractive.candidates import Candidate, SentenceBook
from training.policy.extractive.embeddings import Vectors
from training.policy.extractive.features import (
    BEGIN_FEATURES,
    CANDIDATE_FEATURES,
    HALT_FEATURES,
    OFFERED_FEATURES,
    Question,
    begin_features,
    candidate_features,
    offered_features,
    overlaps,
    step_features,
    stop_features,
)
from training.policy.extractive.weights import Prior

Array = npt.NDArray[np.float32]
STOP = -1
MOST_OFFERED = 4  # sentences to encode for a question: as good as 16 on every set, at a quarter of the cost


@dataclass(frozen=True)
class Reading:
    """A prompt as the pointer sees it. `offered` are indices into all sentences of the passages, which is what actions
    mean.
    """

    prompt: Prompt
    question: Question
    candidates: tuple[Candidate, ...]  # the offered ones only
    offered: tuple[int, ...]
    features: Array  # (n, CANDIDATE_FEATURES)
    begin: Array  # (BEGIN_FEATURES,)
    first: Array  # (n,) log-probabilities of the sentences under the prior at the first step
    prior: Prior


@dataclass(frozen=True)
class Step:
    """One decision: what it is about, described."""

    pointer: Array  # (n, POINTER_FEATURES)
    open: npt.NDArray[np.bool_]  # (n,) not chosen yet
    halt: Array  # (HALT_FEATURES,)
    forced: bool  # STOP is all that is left


def read(
    prompt: Prompt, book: SentenceBook, vectors: Vectors, prior: Prior, most: int, include: Sequence[int] = ()
) -> Reading | None:
    """Describe a prompt: take the passages apart, screen the sentences by their words, encode the promising ones.

    Args:
        prompt: What was asked and shown.
        book: Takes passages apart.
        vectors: Encodes.
        prior: Screens, and gives the features that depend on the first step.
        most: Most sentences to encode and offer.
        include: Indices that must be offered whatever the screening says (those of a recorded answer).

    Returns:
        None when the passages hold no sentence at all.
    """
    candidates = book.candidates(prompt.passages)
    if not candidates:
        return None
    question = Question.read(prompt.query)
    overlap = overlaps(question, candidates, prompt.passages)
    features = candidate_features(prompt, question, candidates, overlap)
    best = np.argsort(-(features @ prior.screen), kind="stable")[:most].tolist()
    offered = tuple(sorted({*best, *(i for i in include if 0 <= i < len(candidates))}))
    kept = tuple(candidates[index] for index in offered)
    features = features[list(offered)]
    features[:, -len(OFFERED_FEATURES) :] = offered_features(question, kept)
    features[:, 0] = vectors.cosines(prompt.query, [candidate.sentence.text for candidate in kept])
    first = log_softmax(features @ prior.pointer[: len(CANDIDATE_FEATURES)])
    begin = begin_features(prompt, question, features, overlap, float(np.exp(first.max())))
    return Reading(prompt, question, kept, offered, features, begin, first, prior)


def step(reading: Reading, chosen: Sequence[int], most_sentences: int) -> Step:
    """Describe the decision after `chosen` (places among the offered candidates)."""
    steps = step_features(reading.candidates, chosen)
    pointer = np.concatenate([reading.features, steps], axis=1)
    left = np.ones(len(reading.candidates), np.bool_)
    left[list(chosen)] = False
    halt = np.zeros(len(HALT_FEATURES), np.float32)
    if not chosen:
        halt[0] = 1.0
        halt[1 : 1 + len(BEGIN_FEATURES)] = reading.begin
    else:
        now = np.where(left, reading.first + steps @ reading.prior.pointer[len(CANDIDATE_FEATURES) :], -np.inf)
        halt[1 + len(BEGIN_FEATURES) :] = stop_features(
            reading.question, reading.candidates, chosen, reading.first, now
        )
    return Step(pointer, left, halt, forced=len(chosen) >= most_sentences or not left.any())


def distribution(step: Step, pointer: Array, halt: Array, temperature: float = 1.0) -> tuple[Array, float]:
    """Give the log-probability of every sentence, `(n,)`, and of STOP.

    Args:
        step: The decision.
        pointer: `(POINTER_FEATURES,)` weights, prior plus residual.
        halt: `(HALT_FEATURES,)` weights, prior plus residual.
        temperature: Divides scores and log-odds; above 0.

    Returns:
        Log-probabilities that sum to one with STOP's.
    """
    if step.forced:
        return np.full(len(step.open), -np.inf, np.float32), 0.0
    odds = float(step.halt @ halt) / temperature
    scores = np.where(step.open, step.pointer @ pointer / temperature, -np.inf).astype(np.float32)
    return log_softmax(scores) - np.float32(np.logaddexp(0.0, odds)), -float(np.logaddexp(0.0, -odds))


def log_softmax(scores: Array) -> Array:
    """Normalise `(n,)` scores to log-probabilities; minus infinity stays."""
    top = scores.max()
    shifted: Array = scores - (top + np.log(np.exp(scores - top).sum()))
    return shifted
