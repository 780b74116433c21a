"""Rows with scores, best first, and the small array work on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Vector = npt.NDArray[np.float32]  # (d,)
Matrix = npt.NDArray[np.float32]  # (n, d)

NO_ROWS: Rows = np.empty(0, dtype=np.int64)
NO_SCORES: Scores = np.empty(0, dtype=np.float32)


class Hits(NamedTuple):
    """Chunk rows with their scores, best first; equal scores are in row order, so that results do not flicker."""

    rows: Rows  # (n,)
    scores: Scores  # (n,)


NO_HITS = Hits(NO_ROWS, NO_SCORES)


def best(rows: Rows, scores: Scores, k: int) -> Hits:
    """Keep the k best; rows need not be in order."""
    if k < len(rows):
        threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
        kept = np.flatnonzero(scores >= threshold)  # ties at the edge are cut by row below
        rows, scores = rows[kept], scores[kept]
    order = np.lexsort((rows, -scores))[:k]
    return Hits(rows[order], scores[order])


def merge(parts: list[Hits], k: int) -> Hits:
    """Merge hits of disjoint sets of rows and keep the k best."""
    parts = [part for part in parts if len(part.rows)]
    if not parts:
        return NO_HITS
    if len(parts) == 1 and len(parts[0].rows) <= k:
        return parts[0]
    return best(np.concatenate([part.rows for part in parts]), np.concatenate([part.scores for part in parts]), k)


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """A set of rows as disjoint intervals in order; documents own consecutive rows, so this is small.

    Compared by identity: the same filter gives the same object, and may key a cache.
    """

    starts: Rows  # (m,)
    ends: Rows  # (m,), exclusive

    @staticmethod
    def of(pairs: list[tuple[int, int]]) -> Spans:
        """Make the set of `[start, end)` pairs; they must not overlap."""
        ordered = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
        return Spans(np.ascontiguousarray(ordered[:, 0]), np.ascontiguousarray(ordered[:, 1]))

    def mask(self, rows: Rows) -> Mask:
        """Tell for each row whether it is in the set."""
        if not len(self.starts):
            return np.zeros(len(rows), dtype=np.bool_)
        slot = np.searchsorted(self.starts, rows, side="right") - 1
        inside: Mask = (slot >= 0) & (rows < self.ends[np.maximum(slot, 0)])
        return inside


def positions(ids: Rows, rows: Rows) -> tuple[npt.NDArray[np.int64], Mask]:
    """Find rows in sorted ids: their positions (valid where found), and which were found."""
    if not len(ids):
        return np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.bool_)
    found = np.minimum(np.searchsorted(ids, rows), len(ids) - 1)
    return found, ids[found] == rows
