"""What changed since the published index, as an immutable value: segments of new chunks, some of them removed again.

Adding makes a new delta that shares the old segments. Small segments are merged as they pile up, each at least twice
the next, so there are few of them and every chunk is copied a logarithmic number of times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrieval.index.hits import Hits, Mask, Matrix, Rows, Spans, Vector, best, merge, positions
from retrieval.index.segment import Segment, merge_segments


@dataclass(frozen=True)
class Delta:
    """New chunks; `alive` says for each segment which of its rows still count."""

    segments: tuple[Segment, ...] = ()
    alive: tuple[Mask, ...] = ()

    @cached_property
    def size(self) -> int:
        """Chunks that count."""
        return sum(int(live.sum()) for live in self.alive)

    @cached_property
    def total_terms(self) -> int:
        """Terms in the chunks that count."""
        return sum(int(s.lengths[live].sum()) for s, live in zip(self.segments, self.alive, strict=True))

    def matching(self, term: str) -> int:
        """Count the chunks that hold a term; what was removed counts until its segment is merged."""
        return sum(segment.matching(term) for segment in self.segments)

    def add(self, segment: Segment) -> Delta:
        """Give a delta with these chunks too."""
        if not len(segment.rows):
            return self
        segments, alive = [*self.segments, segment], [*self.alive, np.ones(len(segment.rows), dtype=np.bool_)]
        while len(segments) > 1 and 2 * len(segments[-1].rows) > len(segments[-2].rows):
            merged = merge_segments(segments[-2:], alive[-2:])
            segments[-2:], alive[-2:] = [merged], [np.ones(len(merged.rows), dtype=np.bool_)]
        return Delta(tuple(segments), tuple(alive))

    def remove(self, rows: Rows) -> Delta:
        """Give a delta without these rows; rows it does not hold are ignored."""
        alive = []
        for segment, live in zip(self.segments, self.alive, strict=True):
            places, found = positions(segment.rows, rows)
            if found.any():
                live = live.copy()
                live[places[found]] = False
            alive.append(live)
        return Delta(self.segments, tuple(alive))

    def select(self, spans: Spans) -> Delta:
        """Give a delta in which only the rows of a set count."""
        return Delta(
            self.segments, tuple(live & spans.mask(s.rows) for s, live in zip(self.segments, self.alive, strict=True))
        )

    def dense(self, vector: Vector, k: int) -> Hits:
        """Find the k chunks nearest to a vector, exactly."""
        return merge([_top(s.rows, s.vectors @ vector, live, k) for s, live in self._parts()], k)

    def lexical(self, weights: Mapping[str, float], average_length: float, k: int) -> Hits:
        """Find the k best chunks that hold any of the terms; `weights` are idf times query count."""
        parts = []
        for segment, live in self._parts():
            scores = segment.lexical_scores(weights, average_length)
            parts.append(_top(segment.rows, scores, live & (scores > 0), k))
        return merge(parts, k)

    def cosines(self, rows: Rows, vector: Vector, into: Matrix) -> None:
        """Write the cosines of the rows that are here into `into` (n,), leaving the others alone."""
        for segment in self.segments:
            places, found = positions(segment.rows, rows)
            if found.any():
                into[found] = segment.vectors[places[found]] @ vector

    def _parts(self) -> list[tuple[Segment, Mask]]:
        return list(zip(self.segments, self.alive, strict=True))


def _top(rows: Rows, scores: Matrix, live: Mask, k: int) -> Hits:
    return best(rows, scores, k) if live.all() else best(rows[live], scores[live], k)
