"""BM25 as an inner product: sparse vectors of chunks and questions, and the statistics between them.

Milvus has a BM25 of its own, which is not used: its document frequencies run over all tenants of a Milvus collection
(and in milvus-lite 3.2 over one segment each), so one customer's documents would move another's ranking, and its
analyzers differ from ours. Here a chunk's vector holds, for each term, all of BM25 but the term's weight

    (k1 + 1) · tf / (tf + k1 · (1 − b + b · length / average length))

and the question's holds the weight (idf × count), so their inner product is the score that tantivy computes.

A term is a number below 2³² (its CRC-32); two terms of one number count as one. Among 100,000 terms that is expected
of one pair.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from retrieval.index.analyzer import terms_of
from retrieval.index.bm25 import idf, rounded_lengths, saturation, term_score
from retrieval.index.hits import positions

TERMS_FILE = "terms.npz"
# Milvus wants at least one value in a sparse vector; no term has this number.
_WORDLESS = {0: 1e-6}
_TERMS = 2**32 - 3  # 2³² − 1 is not a valid position

Sparse = dict[int, float]


def term_number(term: str) -> int:
    """Give the position of a term in a sparse vector: 1 to 2³² − 3."""
    return zlib.crc32(term.encode()) % _TERMS + 1


def term_counts(text: str) -> Counter[int]:
    """Count the terms of a text, by number."""
    return Counter(map(term_number, terms_of(text)))


def passage_vector(counts: Mapping[int, int], average_length: float) -> Sparse:
    """Make the sparse vector of a chunk.

    Args:
        counts: Its terms, by number.
        average_length: Terms in a chunk on average; the same for all chunks of one feeding.

    Returns:
        Never empty; a chunk without terms gets a position that no question has.
    """
    if not counts:
        return dict(_WORDLESS)
    frequencies = np.fromiter(counts.values(), dtype=np.float32, count=len(counts))
    length = rounded_lengths(np.array([sum(counts.values())]))
    scores = term_score(frequencies, saturation(length, average_length), 1.0)
    return dict(zip(counts, scores.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class TermStatistics:
    """How many chunks hold each term, over `documents` chunks of `total` terms; removed ones count until the next full
    feeding.
    """

    numbers: npt.NDArray[np.int64]  # (t,) ascending
    frequencies: npt.NDArray[np.int64]  # (t,)
    documents: int
    total: int

    @staticmethod
    def of(counts: Iterable[Mapping[int, int]]) -> TermStatistics:
        """Count chunks, given the terms of each."""
        found: Counter[int] = Counter()
        documents = total = 0
        for chunk in counts:
            found.update(chunk.keys())
            documents += 1
            total += sum(chunk.values())
        numbers = np.fromiter(found.keys(), dtype=np.int64, count=len(found))
        frequencies = np.fromiter(found.values(), dtype=np.int64, count=len(found))
        order = np.argsort(numbers)
        return TermStatistics(numbers[order], frequencies[order], documents, total)

    def plus(self, other: TermStatistics) -> TermStatistics:
        """Give the statistics of both together."""
        numbers, places = np.unique(np.concatenate([self.numbers, other.numbers]), return_inverse=True)
        frequencies = np.zeros(len(numbers), dtype=np.int64)
        np.add.at(frequencies, places, np.concatenate([self.frequencies, other.frequencies]))
        return TermStatistics(numbers, frequencies, self.documents + other.documents, self.total + other.total)

    def matching(self, term: str) -> int:
        """Count the chunks that hold a term."""
        (place,), (known,) = positions(self.numbers, np.array([term_number(term)], dtype=np.int64))
        return int(self.frequencies[place]) if known else 0

    def question_vector(self, boosts: Mapping[str, float]) -> Sparse:
        """Make the sparse vector of a question.

        Args:
            boosts: Its terms, each with a factor on the term's score.

        Returns:
            Empty when no chunk holds any of them.
        """
        vector: Sparse = {}
        for term, boost in boosts.items():
            if (matching := self.matching(term)) and boost:
                number = term_number(term)
                vector[number] = vector.get(number, 0.0) + boost * idf(max(self.documents, matching), matching)
        return vector

    def save(self, folder: Path) -> None:
        """Write them into a folder that is being published."""
        head = np.array([self.documents, self.total], dtype=np.int64)
        with (folder / TERMS_FILE).open("wb") as stream:
            np.savez(stream, numbers=self.numbers, frequencies=self.frequencies, head=head)

    @staticmethod
    def load(folder: Path) -> TermStatistics:
        """Read them from a published folder; OSError, ValueError or KeyError when that fails."""
        with np.load(folder / TERMS_FILE) as held:
            documents, total = held["head"].tolist()
            return TermStatistics(held["numbers"], held["frequencies"], documents, total)
