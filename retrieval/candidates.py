"""The passages of one collection that may be among the answers, with both scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrieval.index.base import Index
from retrieval.index.hits import NO_HITS, NO_ROWS, NO_SCORES, Rows, Scores, Spans, Vector, positions
from retrieval.types import SearchMode


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows with their scores; a score is zero where its side was not asked or found no common term."""

    rows: Rows  # (n,)
    cosines: Scores  # (n,)
    lexical: Scores  # (n,)


NO_CANDIDATES = Candidates(NO_ROWS, NO_SCORES, NO_SCORES)


def find_candidates(
    index: Index, query: str, vector: Vector | None, *, mode: SearchMode, depth: int, within: Spans | None
) -> Candidates:
    """Ask an index for its best rows from each side that the mode wants.

    Args:
        index: Of one collection.
        query: For the lexical side.
        vector: For the dense side, `(d,)`; may be None in mode "lexical".
        mode: Which sides.
        depth: Rows from each side.
        within: The only rows that count; None for all.

    Returns:
        The union of both sides. Cosines are exact for all of it; the BM25 of a row that is not among the best
        `depth` by words is taken as zero.
    """
    words = NO_HITS if mode == "dense" else index.lexical(query, depth, within)
    if mode == "lexical" or vector is None:
        return Candidates(words.rows, np.zeros(len(words.rows), dtype=np.float32), words.scores)
    near = index.dense(vector, depth, within)
    if mode == "dense":
        return Candidates(near.rows, near.scores, np.zeros(len(near.rows), dtype=np.float32))
    rows = np.union1d(near.rows, words.rows)
    lexical = np.zeros(len(rows), dtype=np.float32)
    lexical[positions(rows, words.rows)[0]] = words.scores
    return Candidates(rows, index.cosines(rows, vector), lexical)
