"""What the pointer knows about a candidate, a step and a question: named numbers, the same for prior and learned
residual.

Everything is scaled to about [-1, 1] or [0, 1], so that one L2 penalty suits all. The order of the names is the layout
of every weight vector on disk: append only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from training.policy.base import Prompt, ShownPassage
from training.policy.extractive.candidates import Candidate
from training.policy.extractive.spelling import grams_of, plain, rare_share, shared
from training.words import STOP_WORDS, content_stems, numbers, words

Array = npt.NDArray[np.float32]

CANDIDATE_FEATURES = (
    "sentence_cosine",  # question and sentence; 0 while screening, before anything is encoded
    "passage_dense",  # cosine of the passage, as retrieval reported it
    "passage_score",  # fused score of the passage over the best one shown
    "passage_first",  # 1 for the passage shown first
    "idf_overlap",  # share of the question's content words in the sentence, rare ones counting more
    "bigram_overlap",  # share of the question's neighbouring content words kept as neighbours
    "passage_overlap",  # idf_overlap of the whole passage, its title and headings
    "previous_overlap",  # idf_overlap of the sentence before: what "it" and "she" may refer to
    "opening",  # first sentence of its passage
    "position",  # 0 first to 1 last in its passage
    "length",  # log of its words, 0 at 20 words
    "fragment",  # under four words: a heading, a label
    "asks",  # is itself a question
    "year_asked",  # the question asks when, the sentence has a year
    "number_asked",  # the question asks how many, the sentence has a digit
    "name_asked",  # the question asks who or where, the sentence has a name
    "novelty",  # share of its content words that are not in the question
    # Known of the offered sentences only, 0 while screening:
    "spelling",  # share of the question's character n-grams in the sentence, rare ones counting more
    "first_match",  # where the first of the question's words stands: 0 at its start, 1 at its end or nowhere
    "number_missing",  # the question asks when or how many, the sentence states no number of its own
    "name_missing",  # the question asks who or where, the sentence has no name of its own
)
OFFERED_FEATURES = CANDIDATE_FEATURES[-4:]
STEP_FEATURES = (
    "repeats",  # share of its content words that the sentences already chosen hold
    "follows",  # comes right after a chosen sentence
    "same_passage",  # comes from the passage of a chosen sentence
)
BEGIN_FEATURES = (
    "best_cosine",
    "best_dense",
    "mean_dense",  # of the first five
    "best_overlap",  # of one sentence
    "best_passage_overlap",
    "words_found",  # share of the question's content words in any passage
    "words_together",  # the same in one passage
    "lead",  # probability of the best candidate under the prior
    "score_lead",  # fused score of the best passage over the mean of the next four
    "spelling_found",  # share of the question's character n-grams in the passage that holds most
)
STOP_FEATURES = (
    "second",  # this is the decision after the first sentence
    "later",  # this is a decision after the second
    "mass_chosen",  # prior probability, before the first choice, of what was chosen
    "next_odds",  # log of the best remaining candidate's odds against the first choice, at most 0, scaled
    "words_covered",  # share of the question's content words that the chosen hold
)
POINTER_FEATURES = CANDIDATE_FEATURES + STEP_FEATURES  # layout of the weights that choose a sentence
HALT_FEATURES = (
    "begin",
    *BEGIN_FEATURES,
    *STOP_FEATURES,
)  # layout of the weights that choose STOP; "begin" is 1 at the first step
_MEAN_OF = 5  # so that showing more passages does not look like finding less
_PROPER = re.compile(r"\b[A-Z][\w'-]+")
_WHEN = re.compile(r"\b(?:when|what (?:year|date|day|month|century|decade)|which year|how long ago)\b", re.I)
_COUNT = re.compile(
    r"\bhow (?:many|much|long|old|far|often|tall|high|large|big|deep|fast)\b"
    r"|\bwhat (?:percent\w*|number|age|share|amount)\b",
    re.I,
)
_NAME = re.compile(
    r"\b(?:who|whom|whose|where|which (?:city|country|state|person)|what (?:city|country|state|name))\b", re.I
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question taken apart."""

    stems: tuple[str, ...]
    bigrams: frozenset[tuple[str, str]]
    asks_when: bool
    asks_count: bool
    asks_name: bool
    words: frozenset[str]
    grams: frozenset[str]

    @classmethod
    def read(cls, text: str) -> Question:
        """Take a question apart."""
        stems = content_stems(text)
        return cls(
            stems=tuple(dict.fromkeys(stems)),
            bigrams=frozenset(zip(stems, stems[1:], strict=False)),
            asks_when=bool(_WHEN.search(text)),
            asks_count=bool(_COUNT.search(text)),
            asks_name=bool(_NAME.search(text)),
            words=frozenset(words(text)),
            grams=grams_of(text),
        )


@dataclass(frozen=True, slots=True)
class Overlaps:
    """How much of a question each candidate and each passage holds."""

    sentence: Array  # (n,) idf-weighted share, per candidate
    passage: Array  # (p,) the same, per passage
    together: float  # plain share, of the passage that holds most
    found: float  # plain share, in any passage


def overlaps(question: Question, candidates: Sequence[Candidate], passages: Sequence[ShownPassage]) -> Overlaps:
    """Compare the question's words with those of the candidates; rarity is counted over the candidates themselves.

    A passage holds the words of its title and headings too: the subject is often named nowhere else.
    """
    frequency: Counter[str] = Counter()
    held = [set(content_stems(" ".join((passage.title, *passage.heading_path)))) for passage in passages]
    for candidate in candidates:
        stems = set(candidate.sentence.stems)
        frequency.update(stems)
        held[candidate.passage] |= stems
    idf = {stem: log((len(candidates) + 1) / (frequency[stem] + 0.5)) for stem in question.stems}
    total = sum(idf.values()) or 1.0

    def weigh(stems: set[str]) -> float:
        return sum(value for stem, value in idf.items() if stem in stems) / total

    asked = set(question.stems)
    size = len(asked) or 1
    return Overlaps(
        sentence=np.array([weigh(set(c.sentence.stems)) for c in candidates], np.float32),
        passage=np.array([weigh(stems) for stems in held], np.float32),
        together=max((len(asked & stems) / size for stems in held), default=0.0),
        found=len(asked & set().union(*held)) / size if held else 0.0,
    )


def candidate_features(prompt: Prompt, question: Question, candidates: Sequence[Candidate], overlap: Overlaps) -> Array:
    """Describe each candidate by all that can be known before anything is encoded.

    Args:
        prompt: What was asked and shown.
        question: The same question, taken apart.
        candidates: All sentences of the passages.
        overlap: What `overlaps` gave for them.

    Returns:
        `(n, len(CANDIDATE_FEATURES))` float32 with zeros for `sentence_cosine` and for what `offered_features` gives.
    """
    best = max((passage.score for passage in prompt.passages), default=0.0) or 1.0
    sizes = Counter(candidate.passage for candidate in candidates)
    before = {(c.passage, c.sentence.index): float(o) for c, o in zip(candidates, overlap.sentence, strict=True)}
    rows = np.zeros((len(candidates), len(CANDIDATE_FEATURES)), np.float32)
    for row, candidate in enumerate(candidates):
        sentence, passage = candidate.sentence, prompt.passages[candidate.passage]
        stems = sentence.stems
        kept = question.bigrams.intersection(zip(stems, stems[1:], strict=False)) if question.bigrams else ()
        new = sum(stem not in question.stems for stem in stems)
        rows[row, : -len(OFFERED_FEATURES)] = (
            0.0,
            passage.dense_score,
            min(max(passage.score / best, 0.0), 1.0),
            candidate.passage == 0,
            overlap.sentence[row],
            len(kept) / max(len(question.bigrams), 1),
            overlap.passage[candidate.passage],
            before.get((candidate.passage, sentence.index - 1), 0.0),
            sentence.index == 0,
            min(sentence.index / max(sizes[candidate.passage] - 1, 1), 1.0),
            log(sentence.word_count / 20.0) / 2.0,
            sentence.word_count < 4,
            sentence.asks,
            question.asks_when and sentence.has_year,
            question.asks_count and sentence.has_digit,
            question.asks_name and sentence.has_name,
            new / max(len(stems), 1),
        )
    return rows


def offered_features(question: Question, candidates: Sequence[Candidate]) -> Array:
    """Describe the offered candidates by what costs too much for all of them: `(n, len(OFFERED_FEATURES))` float32."""
    rows = np.zeros((len(candidates), len(OFFERED_FEATURES)), np.float32)
    held = shared(question.grams, [plain(candidate.sentence.text) for candidate in candidates])
    rows[:, 0] = rare_share(held)
    for row, candidate in enumerate(candidates):
        sentence = candidate.sentence
        places = (place for place, stem in enumerate(sentence.stems) if stem in question.stems)
        names = {word.casefold() for word in _PROPER.findall(sentence.text)}
        rows[row, 1:] = (
            next(places, len(sentence.stems)) / max(len(sentence.stems), 1),
            (question.asks_when or question.asks_count) and numbers(sentence.text) <= question.words,
            question.asks_name and names <= (question.words | STOP_WORDS),
        )
    return rows


def begin_features(prompt: Prompt, question: Question, features: Array, overlap: Overlaps, lead: float) -> Array:
    """Describe whether the passages hold an answer at all: `(len(BEGIN_FEATURES),)` float32."""
    scores = sorted((passage.score for passage in prompt.passages), reverse=True)
    others = scores[1:_MEAN_OF] or scores
    held = shared(question.grams, [plain(f"{passage.title} {passage.text}") for passage in prompt.passages])
    dense = [passage.dense_score for passage in prompt.passages[:_MEAN_OF]]
    return np.array(
        (
            features[:, CANDIDATE_FEATURES.index("sentence_cosine")].max(),
            max(dense),
            sum(dense) / len(dense),
            overlap.sentence.max(),
            overlap.passage.max(),
            overlap.found,
            overlap.together,
            lead,
            min(max(scores[0] - sum(others) / len(others), 0.0), 1.0),
            held.mean(axis=1).max() if held.size else 0.0,
        ),
        np.float32,
    )


def step_features(candidates: Sequence[Candidate], chosen: Sequence[int]) -> Array:
    """Describe each candidate in the light of what was chosen: `(n, len(STEP_FEATURES))` float32; zeros at the first
    step.
    """
    rows = np.zeros((len(candidates), len(STEP_FEATURES)), np.float32)
    if not chosen:
        return rows
    said = {stem for index in chosen for stem in candidates[index].sentence.stems}
    places = {(candidates[index].passage, candidates[index].sentence.index + 1) for index in chosen}
    passages = {candidates[index].passage for index in chosen}
    for row, candidate in enumerate(candidates):
        stems = candidate.sentence.stems
        rows[row] = (
            sum(stem in said for stem in stems) / max(len(stems), 1),
            (candidate.passage, candidate.sentence.index) in places,
            candidate.passage in passages,
        )
    return rows


def stop_features(
    question: Question, candidates: Sequence[Candidate], chosen: Sequence[int], first: Array, now: Array
) -> Array:
    """Describe whether what was chosen is enough: `(len(STOP_FEATURES),)` float32.

    Args:
        question: The question, taken apart.
        candidates: The sentences.
        chosen: Indices chosen so far, at least one.
        first: `(n,)` log-probabilities under the prior before the first choice.
        now: `(n,)` the prior's scores at this step, minus infinity for what was chosen.

    Returns:
        One row of features.
    """
    said = {stem for index in chosen for stem in candidates[index].sentence.stems}
    odds = float(now.max() - first[chosen[0]]) if np.isfinite(now).any() else -10.0
    return np.array(
        (
            len(chosen) == 1,
            len(chosen) > 1,
            float(np.exp(first[list(chosen)]).sum()),
            max(min(odds, 0.0), -10.0) / 5.0,
            sum(stem in said for stem in question.stems) / max(len(question.stems), 1),
        ),
        np.float32,
    )
