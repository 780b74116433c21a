"""Chunks that are not in a published index yet: vectors and postings in plain arrays, in memory, never changed once
made.

A segment holds any number of chunks; `merge_segments` makes a larger one of several, leaving out what was removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.index.analyzer import terms_of
from retrieval.index.bm25 import Floats, rounded_lengths, saturation, term_score
from retrieval.index.hits import Mask, Matrix, Rows, Scores


@dataclass(frozen=True, slots=True)
class Segment:
    """Postings are sorted by term: those of term `t` are `docs[offsets[t]:offsets[t + 1]]`, with `counts` beside."""

    rows: Rows  # (n,) ascending
    vectors: Matrix  # (n, d)
    vocabulary: Mapping[str, int]
    offsets: npt.NDArray[np.int64]  # (terms + 1,)
    docs: npt.NDArray[np.int32]  # (postings,) index into rows
    counts: Floats  # (postings,) occurrences of the term in the document
    lengths: npt.NDArray[np.int64]  # (n,) terms in each document

    def matching(self, term: str) -> int:
        """Count the documents that hold a term."""
        slot = self.vocabulary.get(term)
        return 0 if slot is None else int(self.offsets[slot + 1] - self.offsets[slot])

    def lexical_scores(self, weights: Mapping[str, float], average_length: float) -> Scores:
        """Score every document by BM25: `(n,)`, zero where no term is shared. `weights` are idf times query count."""
        scores = np.zeros(len(self.rows), dtype=np.float32)
        saturations = saturation(rounded_lengths(self.lengths), average_length)
        for term, weight in weights.items():
            slot = self.vocabulary.get(term)
            if slot is not None:
                held = slice(int(self.offsets[slot]), int(self.offsets[slot + 1]))
                docs = self.docs[held]
                scores[docs] += term_score(self.counts[held], saturations[docs], weight)
        return scores


def make_segment(rows: Rows, vectors: Matrix, texts: Sequence[str]) -> Segment:
    """Index chunks: `rows` (n,) ascending, `vectors` (n, d) float32, one text each."""
    vocabulary: dict[str, int] = {}
    words = [[vocabulary.setdefault(term, len(vocabulary)) for term in terms_of(text)] for text in texts]
    lengths = np.array([len(document) for document in words], dtype=np.int64)
    terms = np.array([term for document in words for term in document], dtype=np.int64)
    docs = np.repeat(np.arange(len(rows)), lengths)
    keys, counts = np.unique(terms * max(len(rows), 1) + docs, return_counts=True)
    return _from_keys(rows, vectors, vocabulary, keys, counts.astype(np.float32), lengths)


def merge_segments(segments: Sequence[Segment], alive: Sequence[Mask]) -> Segment:
    """Make one segment of several, without the documents whose mask is off."""
    rows = np.concatenate([s.rows[live] for s, live in zip(segments, alive, strict=True)])
    order = np.argsort(rows)
    place = np.empty(len(rows), dtype=np.int64)
    place[order] = np.arange(len(rows))  # where the next kept document goes
    vocabulary: dict[str, int] = {}
    keys, counts = [], []
    start = 0
    for segment, live in zip(segments, alive, strict=True):
        target = np.full(len(segment.rows), -1, dtype=np.int64)
        kept = int(live.sum())
        target[live] = place[start : start + kept]
        start += kept
        slots = np.array([vocabulary.setdefault(t, len(vocabulary)) for t in segment.vocabulary], dtype=np.int64)
        terms = np.repeat(slots, np.diff(segment.offsets))
        docs = target[segment.docs]
        held = docs >= 0
        keys.append(terms[held] * max(len(rows), 1) + docs[held])
        counts.append(segment.counts[held])
    vectors = np.concatenate([s.vectors[live] for s, live in zip(segments, alive, strict=True)])[order]
    lengths = np.concatenate([s.lengths[live] for s, live in zip(segments, alive, strict=True)])[order]
    flat = np.concatenate(keys)
    sorting = np.argsort(flat)
    return _from_keys(rows[order], vectors, vocabulary, flat[sorting], np.concatenate(counts)[sorting], lengths)


def _from_keys(
    rows: Rows,
    vectors: Matrix,
    vocabulary: Mapping[str, int],
    keys: npt.NDArray[np.int64],  # term · n + document, ascending
    counts: Floats,
    lengths: npt.NDArray[np.int64],
) -> Segment:
    count = max(len(rows), 1)
    offsets = np.searchsorted(keys, np.arange(len(vocabulary) + 1, dtype=np.int64) * count)
    return Segment(rows, vectors, vocabulary, offsets, (keys % count).astype(np.int32), counts, lengths)
