"""Describe answers by named features. Thread-safe; nothing here is learned."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from math import log
from threading import Lock

import numpy as np
import numpy.typing as npt

from retrieval.embed import Embedder
from training.citations.abstention import is_abstention
from training.citations.markers import MarkedText, strip_markers, take_apart
from training.citations.support import ENOUGH_OF_PART, ENOUGH_WORDS, agrees
from training.policy.base import Answer, Prompt
from training.policy.extractive.candidates import Sentence, SentenceBook
from training.policy.extractive.embeddings import Vectors
from training.reward.features.names import FEATURES
from training.reward.features.reading import NAME, Bigrams, Place, Reading
from training.words import negated, numbers

Array = npt.NDArray[np.float32]
_PROMPTS = 256  # readings kept
_ROWS = 50_000  # rows kept, 10 MB
_YES_OR_NO = ("yes", "no", "there is no", "currently", "it is not")


class Describer:
    """Turns (prompt, answer) into a row of numbers, remembering what comes again. Thread-safe."""

    def __init__(self, encoder: Embedder) -> None:
        self._book, self._vectors = SentenceBook(), Vectors(encoder)
        self._readings: OrderedDict[Prompt, Reading] = OrderedDict()
        self._rows: OrderedDict[tuple[Prompt, str, bool], Array] = OrderedDict()
        self._lock = Lock()

    def describe(self, prompt: Prompt, answers: Sequence[Answer]) -> Array:
        """Describe the answers to one prompt.

        Args:
            prompt: What was asked and shown.
            answers: K answers.

        Returns:
            `(K, len(FEATURES))` float32.
        """
        keys = [(prompt, answer.text, answer.abstained) for answer in answers]
        with self._lock:
            known = {key: self._rows[key] for key in keys if key in self._rows}
        if len(known) < len(set(keys)):
            reading = self._read(prompt)
            fresh = {
                key: self._row(reading, answer) for key, answer in zip(keys, answers, strict=True) if key not in known
            }
            known |= fresh
            with self._lock:
                self._rows.update(fresh)
                while len(self._rows) > _ROWS:
                    self._rows.popitem(last=False)
        return np.array([known[key] for key in keys], np.float32).reshape(-1, len(FEATURES))

    def products(self, prompt: Prompt, answers: Sequence[Answer]) -> Array:
        """Multiply the vectors of question and answer, column by column; zeros for answers that say nothing.

        Args:
            prompt: What was asked and shown.
            answers: K answers.

        Returns:
            `(K, d)` float32 of about unit size, d the dimension of the encoder.
        """
        reading = self._read(prompt)
        made = np.zeros((len(answers), len(reading.asked)), np.float32)
        for row, answer in enumerate(answers):
            plain = strip_markers(answer.text)
            sentences = self._book.sentences(plain)
            if sentences and not answer.abstained and not is_abstention(plain):
                pooled = self._vectors.rows([sentence.text for sentence in sentences], "passage").mean(axis=0)
                made[row] = pooled * reading.asked * (len(pooled) / max(float(np.linalg.norm(pooled)), 1e-6))
        return made

    def best_passage_text(self, prompt: Prompt, answer: Answer, most: int = 3) -> str:
        """Give the sentences of the passages that support an answer most, in the order shown, for a joint encoding."""
        reading = self._read(prompt)
        found: dict[int, float] = {}
        for sentence in self._book.sentences(strip_markers(answer.text)):
            place = reading.place(sentence)
            for at in place.candidates:
                found[at] = max(found.get(at, 0.0), place.overlap)
        if len(reading.relevance):  # what the question is about counts even where the answer does not use it
            found.setdefault(reading.encoded[int(reading.relevance.argmax())], 0.5)
        kept = sorted(sorted(found, key=lambda at: (-found[at], at))[:most])
        return " ".join(reading.candidates[at].sentence.text for at in kept)

    def forget_rows(self) -> None:
        """Describe every answer afresh; what is known of prompts and texts stays."""
        with self._lock:
            self._rows.clear()

    def _read(self, prompt: Prompt) -> Reading:
        with self._lock:
            if prompt in self._readings:
                self._readings.move_to_end(prompt)
                return self._readings[prompt]
        made = Reading(prompt, self._book, self._vectors)
        with self._lock:
            self._readings[prompt] = made
            while len(self._readings) > _PROMPTS:
                self._readings.popitem(last=False)
        return made

    def _row(self, reading: Reading, answer: Answer) -> Array:
        marked = take_apart(answer.text, {passage.number for passage in reading.prompt.passages})
        evidence = float(reading.relevance.max()) if len(reading.relevance) else 0.0
        silent = answer.abstained or is_abstention(marked.plain)
        values = {"evidence": evidence, "words_found": reading.found}
        sentences = self._book.sentences(marked.plain)
        if silent or not sentences:
            # What it says is "nothing": the words of an apology are not an answer that could be near or far.
            values |= {"abstained": 1.0, "abstained_evidence": evidence}
        else:
            rows = self._vectors.rows([sentence.text for sentence in sentences], "passage")
            places = [reading.place(sentence) for sentence in sentences]
            values |= _meaning(reading, sentences, rows, places)
            values |= _wording(reading, marked.plain, sentences, places)
            values |= _form(reading, marked.plain, sentences)
            values |= _sources(reading, marked, sentences, places)
        return np.array([values.get(name, 0.0) for name in FEATURES], np.float32)


def _meaning(reading: Reading, sentences: Sequence[Sentence], rows: Array, places: Sequence[Place]) -> dict[str, float]:
    asked = rows @ reading.asked  # (m,)
    pooled = rows.mean(axis=0)
    values = {
        "question_cosine": float(pooled @ reading.asked / max(float(np.linalg.norm(pooled)), 1e-6)),
        "question_best": float(asked.max()),
        "question_first": float(asked[0]),
        "question_least": float(asked.min()),
    }
    if len(rows) > 1:
        among = rows @ rows.T - 2.0 * np.eye(len(rows), dtype=np.float32)
        values["sameness"] = float(among.max(axis=1).mean())
    if len(reading.vectors):
        near = rows @ reading.vectors.T  # (m, n)
        nearest = near.max(axis=1)
        values["passages_mean"], values["passages_least"] = float(nearest.mean()), float(nearest.min())
        values["relevant_covered"] = float(near.max(axis=0) @ reading.attention)
        values["missed"] = float(reading.relevance.max() - asked.max())
    used = {reading.candidates[at].passage for place in places for at in place.candidates}
    if used:
        values["title_cosine"] = float(max(reading.title_cosines[at] for at in used))
    return values


def _wording(reading: Reading, plain: str, sentences: Sequence[Sentence], places: Sequence[Place]) -> dict[str, float]:
    stems = [stem for sentence in sentences for stem in sentence.stems]
    bigrams = [pair for sentence in sentences for pair in Bigrams.of(sentence.stems)]
    asked = set(reading.question.stems)
    overlaps = [place.overlap for place in places]
    names, said = NAME.findall(plain), numbers(plain)
    sound = polar = 0
    for sentence, place in zip(sentences, places, strict=True):
        support = " ".join(reading.candidates[at].sentence.text for at in place.candidates)
        if place.overlap >= ENOUGH_WORDS:
            sound += agrees(sentence.text, support)
            polar += negated(sentence.text) != negated(support)
    return {
        "idf_overlap": reading.weigh(stems),
        "first_overlap": reading.weigh(sentences[0].stems),
        "bigram_overlap": _share(pair in set(bigrams) for pair in reading.question.bigrams),
        "supported_mean": sum(overlaps) / len(overlaps),
        "supported_least": min(overlaps),
        "verified": sound / len(sentences),
        "polarity_differs": polar / len(sentences),
        "numbers_unknown": _share(number not in reading.known_numbers for number in said),
        "names_unknown": _share(name not in reading.known_names for name in names),
        "words_unknown": _share(stem not in reading.known_stems for stem in stems),
        "phrases_known": _share(pair in reading.known_bigrams for pair in bigrams),
        "phrases_repeated": 1.0 - len(set(bigrams)) / max(len(bigrams), 1) if bigrams else 0.0,
        "novelty": _share(stem not in asked for stem in stems),
    }


def _form(reading: Reading, plain: str, sentences: Sequence[Sentence]) -> dict[str, float]:
    length = log(sum(sentence.word_count for sentence in sentences) / 40.0) / 2.0
    question, first = reading.question, sentences[0]
    answered = [
        question.asks_when and first.has_year,
        question.asks_count and first.has_digit,
        question.asks_name and first.has_name,
    ]
    text = plain.strip()
    return {
        "length": length,
        "length_squared": length * length,
        "sentences": log(len(sentences)) / 2.0,
        "short_sentences": _share(sentence.word_count < 4 for sentence in sentences),
        "ends_open": not text.endswith((".", "!", "?", ")", '"', "\u201d", ":")),
        "asks": text.endswith("?"),
        "year_asked": question.asks_when * _share(sentence.has_year for sentence in sentences),
        "number_asked": question.asks_count * _share(sentence.has_digit for sentence in sentences),
        "name_asked": question.asks_name * _share(sentence.has_name for sentence in sentences),
        "first_answers": any(answered),
        "says_yes_or_no": reading.can_be_yes_or_no and text.casefold().startswith(_YES_OR_NO),
    }


def _sources(
    reading: Reading, marked: MarkedText, sentences: Sequence[Sentence], places: Sequence[Place]
) -> dict[str, float]:
    passages = reading.prompt.passages
    supports = [reading.candidates[place.candidates[0]] for place in places if place.candidates]
    values = {}
    if supports:
        sizes = [
            max((c.sentence.index for c in reading.candidates if c.passage == at), default=0)
            for at in range(len(passages))
        ]
        best = max(passage.score for passage in passages) or 1.0
        values = {
            "passages_used": len({support.passage for support in supports}) / len(passages),
            "first_passage": _share(support.passage == 0 for support in supports),
            "support_early": _mean(1.0 - s.sentence.index / max(sizes[s.passage], 1) for s in supports),
            "support_score": _mean(min(max(passages[s.passage].score / best, 0.0), 1.0) for s in supports),
            "support_dense": _mean(passages[s.passage].dense_score for s in supports),
        }
    if marked.markers:
        texts = {passage.number: reading.stems_of(at) for at, passage in enumerate(passages)}
        cited = right = 0
        for sentence, following in zip(sentences, (*sentences[1:], None), strict=True):
            until = following.start + 1 if following else len(marked.plain) + 1
            given = [marker.number for marker in marked.markers if sentence.start < marker.plain < until]
            stems = set(sentence.stems)
            cited += bool(given)
            right += any(len(stems & texts[number]) >= max(ENOUGH_OF_PART, 0.5) * len(stems) for number in given)
        values |= {"cited": cited / len(sentences), "cited_rightly": right / len(sentences)}
    return values


def _share(found: Iterable[bool]) -> float:
    values = list(found)
    return sum(values) / len(values) if values else 0.0


def _mean(found: Iterable[float]) -> float:
    values = list(found)
    return sum(values) / len(values) if values else 0.0
