"""A prompt taken apart once for all its answers: words, numbers, names and vectors of what was asked and shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log

import numpy as np
import numpy.typing as npt

from training.policy.base import Prompt
from training.policy.extractive.candidates import Candidate, Sentence, SentenceBook
from training.policy.extractive.embeddings import Vectors
from training.policy.extractive.features import Question
from training.words import content_stems, numbers

Array = npt.NDArray[np.float32]
MOST_SENTENCES = 64  # encoded of a prompt; eight passages as served have fewer
NAME = re.compile(r"\b[A-Z][\w'-]+")
_CHOICE = re.compile(
    r"(?:^|[.!?,]\s+)(?:is|are|was|were|do|does|did|can|could|should|will|would|has|have|may|must)\b", re.I
)


@dataclass(frozen=True)
class Bigrams:
    """The neighbouring content words of a text."""

    @staticmethod
    def of(stems: Sequence[str]) -> list[tuple[str, str]]:
        """Give them in order, repeated where they repeat."""
        return list(zip(stems, stems[1:], strict=False))


@dataclass(frozen=True)
class Place:
    """Where in the passages most words of a sentence stand together."""

    overlap: float  # share of the sentence's content words
    candidates: tuple[int, ...]  # one sentence, or two neighbours; empty where no word was found


class Reading:
    """A prompt taken apart. Immutable after it was made, so threads may share it."""

    def __init__(self, prompt: Prompt, book: SentenceBook, vectors: Vectors) -> None:
        self.prompt = prompt
        self.question = Question.read(prompt.query)
        self.can_be_yes_or_no = bool(_CHOICE.search(prompt.query.strip()))
        self.candidates: list[Candidate] = book.candidates(prompt.passages)
        self.known_numbers = numbers(" ".join(passage.text for passage in prompt.passages))
        said = " ".join((*(f"{p.title} {p.text} {' '.join(p.heading_path)}" for p in prompt.passages), prompt.query))
        self.known_names = frozenset(NAME.findall(said))
        self.known_stems = frozenset(content_stems(said))
        self.known_bigrams = frozenset(pair for c in self.candidates for pair in Bigrams.of(c.sentence.stems))
        self.asked = vectors.rows([prompt.query], "query")[0]  # (d,)
        self._lay_out()
        self._encode(vectors)

    def _lay_out(self) -> None:
        vocabulary = {
            stem: row for row, stem in enumerate(sorted({s for c in self.candidates for s in c.sentence.stems}))
        }
        held = np.zeros((len(vocabulary), len(self.candidates)), np.float32)
        for column, candidate in enumerate(self.candidates):
            held[[vocabulary[stem] for stem in candidate.sentence.stems], column] = 1.0
        neighbours = [
            (at, at + 1)
            for at, (left, right) in enumerate(zip(self.candidates, self.candidates[1:], strict=False))
            if left.passage == right.passage and right.sentence.index == left.sentence.index + 1
        ]
        both = [np.maximum(held[:, left], held[:, right]) for left, right in neighbours]
        self._windows = [*((at,) for at in range(len(self.candidates))), *neighbours]
        self._held = np.concatenate([held, np.stack(both, axis=1)], axis=1) if both else held
        self._vocabulary = vocabulary  # (V, windows): which windows hold a word
        frequency = Counter(stem for c in self.candidates for stem in set(c.sentence.stems))
        size = len(self.candidates)
        self.idf = {stem: log((size + 1) / (frequency[stem] + 0.5)) for stem in self.question.stems}

    def _encode(self, vectors: Vectors) -> None:
        order = sorted(
            range(len(self.candidates)), key=lambda at: (-self.weigh(self.candidates[at].sentence.stems), at)
        )
        self.encoded = sorted(order[:MOST_SENTENCES])
        texts = [self.candidates[at].sentence.text for at in self.encoded]
        self.vectors = vectors.rows(texts, "passage") if texts else np.zeros((0, len(self.asked)), np.float32)
        self.relevance: Array = self.vectors @ self.asked  # (n,)
        titles = [passage.title for passage in self.prompt.passages]
        rows = vectors.rows(titles, "passage") if titles else np.zeros((0, len(self.asked)), np.float32)
        self.title_cosines: Array = rows @ self.asked  # (p,)

    def weigh(self, stems: Sequence[str]) -> float:
        """Give the share of the question's content words that a text holds, rare ones counting more."""
        held = set(stems)
        total = sum(self.idf.values()) or 1.0
        return sum(value for stem, value in self.idf.items() if stem in held) / total

    def place(self, sentence: Sentence) -> Place:
        """Find the sentence, or the two neighbours, of the passages that hold most words of a sentence."""
        stems = set(sentence.stems)
        rows = [self._vocabulary[stem] for stem in stems if stem in self._vocabulary]
        if not rows or not self._windows:
            return Place(0.0, ())
        found = self._held[rows].sum(axis=0)  # (windows,)
        best = int(found.argmax())  # the first wins a tie: single sentences come first
        return Place(float(found[best]) / len(stems), self._windows[best])

    def stems_of(self, passage: int) -> frozenset[str]:
        """Give the content words of one passage, by its place among those shown."""
        return frozenset(s for c in self.candidates if c.passage == passage for s in c.sentence.stems)

    @cached_property
    def attention(self) -> Array:
        """How much each encoded sentence matters to the question, `(n,)`, summing to one."""
        if not len(self.relevance):
            return self.relevance
        # At 8 a sentence whose cosine is 0.3 lower counts a tenth.
        weights = np.exp(8.0 * (self.relevance - self.relevance.max()))
        shares: Array = (weights / weights.sum()).astype(np.float32)
        return shares

    @cached_property
    def found(self) -> float:
        """Share of the question's content words in any passage."""
        stems = self.question.stems
        return sum(stem in self._vocabulary for stem in stems) / max(len(stems), 1)
