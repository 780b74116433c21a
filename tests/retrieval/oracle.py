"""What an index must answer, by the plainest means: every document compared, BM25 by its formula."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np

from retrieval.index.analyzer import terms_of

K1, B = 1.2, 0.75


def dense(vectors: Mapping[int, np.ndarray], query: np.ndarray) -> dict[int, float]:
    """Give the cosine of every row."""
    return {row: float(vector @ query) for row, vector in vectors.items()}


def bm25(texts: Mapping[int, str], query: str, *, average: float | None = None) -> dict[int, float]:
    """Give the BM25 of every row that shares a term, with exact lengths and statistics of exactly these texts."""
    words = {row: terms_of(text) for row, text in texts.items()}
    average = average or sum(map(len, words.values())) / max(len(words), 1)
    scores: dict[int, float] = {}
    for term, times in Counter(terms_of(query)).items():
        matching = [row for row, document in words.items() if term in document]
        idf = math.log(1 + (len(words) - len(matching) + 0.5) / (len(matching) + 0.5))
        for row in matching:
            tf, length = words[row].count(term), len(words[row])
            scores[row] = scores.get(row, 0) + times * idf * tf * (K1 + 1) / (tf + K1 * (1 - B + B * length / average))
    return scores


def top(scores: Mapping[int, float], k: int) -> list[float]:
    """Give the k best scores."""
    return sorted(scores.values(), reverse=True)[:k]
