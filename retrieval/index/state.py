"""A collection at one moment: a published generation (or none), what came since, and what of it was removed.

Immutable: a change makes a new state, and whoever searches the old one is not disturbed. BM25 uses the document
frequencies of both parts together; the average length is the generation's while there is one, since it is baked into
its scores.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from retrieval.index.analyzer import terms_of
from retrieval.index.bm25 import idf
from retrieval.index.delta import Delta
from retrieval.index.dense import Selection, check_vector
from retrieval.index.generation import Generation
from retrieval.index.hits import NO_HITS, Hits, Mask, Rows, Scores, Spans, Vector, merge, positions
from retrieval.index.segment import Segment

_MAX_TERMS = 128  # of a query: the rarest; more change nothing but the time
_REMEMBERED_FILTERS = 16


@dataclass(frozen=True)
class View:
    """What of a state may be found: all that is alive, or what a filter leaves of it."""

    main: Selection | None  # None is everything
    main_count: int
    delta: Delta


@dataclass(frozen=True)
class CollectionState:
    """The index of one collection; satisfies `Index`."""

    collection_id: str
    embedding_model: str
    dimension: int  # 0 while the collection never held a vector
    seq: int
    generation: Generation | None
    delta: Delta
    dead: Mask | None = None  # (n of the generation,), positions removed since; None is none
    _views: dict[Spans, View] = field(default_factory=dict, repr=False, compare=False)
    _guard: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @cached_property
    def tombstones(self) -> int:
        """Chunks of the generation that were removed since."""
        return 0 if self.dead is None else int(self.dead.sum())

    @cached_property
    def size(self) -> int:
        """Chunks that can be found."""
        return (len(self.generation.rows) - self.tombstones if self.generation else 0) + self.delta.size

    def apply(self, seq: int, added: Segment | None, removed: Rows) -> CollectionState:
        """Give the state after further changes.

        Args:
            seq: The number of the last of them.
            added: New chunks.
            removed: Rows that are gone, wherever they were.

        Returns:
            A new state; this one stays as it is.
        """
        delta, dead = self.delta, self.dead
        if len(removed):
            delta = delta.remove(removed)
            if self.generation is not None:
                places, found = positions(self.generation.rows, removed)
                dead = np.zeros(len(self.generation.rows), dtype=np.bool_) if dead is None else dead.copy()
                dead[places[found]] = True
                dead = dead if dead.any() else None
        dimension = self.dimension
        if added is not None and len(added.rows):
            delta = delta.add(added)
            dimension = added.vectors.shape[1]
        return CollectionState(self.collection_id, self.embedding_model, dimension, seq, self.generation, delta, dead)

    def dense(self, vector: Vector, k: int, within: Spans | None = None) -> Hits:
        """Find the k chunks nearest by cosine; see `Index.dense`. InvalidInput unless the vector is `(d,)`, finite."""
        if not self.size or k < 1:
            return NO_HITS
        vector = check_vector(vector, self.dimension)
        view = self._view(within)
        parts = [view.delta.dense(vector, k)]
        if self.generation is not None and view.main_count:
            parts.append(self.generation.dense.search(vector, k, view.main))
        return merge(parts, k)

    def lexical(self, query: str, k: int, within: Spans | None = None) -> Hits:
        """Find the k chunks with the best BM25; see `Index.lexical`."""
        if not self.size or k < 1:
            return NO_HITS
        weights, boosts, average = self._weigh(query)
        view = self._view(within)
        parts = [view.delta.lexical(weights, average, k)] if weights else []
        if self.generation is not None and view.main_count:
            mask = None if view.main is None else view.main.mask
            parts.append(self.generation.lexical.search(boosts, k, mask, view.main_count))
        return merge(parts, k)

    def cosines(self, rows: Rows, vector: Vector) -> Scores:
        """Compute the cosine of each row; see `Index.cosines`."""
        scores = np.zeros(len(rows), dtype=np.float32)
        if not len(rows) or not self.size:
            return scores
        vector = check_vector(vector, self.dimension)
        if self.generation is not None:
            places, found = positions(self.generation.rows, rows)
            if found.any():
                scores[found] = self.generation.dense.cosines(places[found], vector)
        self.delta.cosines(rows, vector, scores)
        return scores

    def _weigh(self, query: str) -> tuple[dict[str, float], dict[str, float], float]:
        """Give idf × count per term for the delta, a correction per term for the generation, and the average length."""
        counts = Counter(terms_of(query))
        main = self.generation.lexical if self.generation else None
        documents = (main.documents if main else 0) + self.delta.size
        weights: dict[str, float] = {}
        boosts: dict[str, float] = {}
        for term, count in counts.items():
            in_main = main.matching(term) if main else 0
            matching = in_main + self.delta.matching(term)
            if matching:
                # Removed chunks count until they are merged away, so `matching` may exceed the living.
                weights[term] = count * idf(max(documents, matching), matching)
                if in_main and main:
                    boosts[term] = weights[term] / idf(main.documents, in_main) if self.delta.segments else float(count)
        if len(weights) > _MAX_TERMS:
            kept = sorted(weights, key=lambda term: -weights[term])[:_MAX_TERMS]
            weights = {term: weights[term] for term in kept}
            boosts = {term: boosts[term] for term in kept if term in boosts}
        if main and main.documents:
            return weights, boosts, main.average_length
        return weights, boosts, self.delta.total_terms / max(self.delta.size, 1)

    def _view(self, within: Spans | None) -> View:
        key = within or _EVERYTHING
        with self._guard:
            view = self._views.get(key)
        if view is None:
            view = self._make_view(within)
            with self._guard:
                while len(self._views) >= _REMEMBERED_FILTERS:
                    self._views.pop(next(iter(self._views)))
                self._views[key] = view
        return view

    def _make_view(self, within: Spans | None) -> View:
        delta = self.delta if within is None else self.delta.select(within)
        if self.generation is None:
            return View(None, 0, delta)
        if within is None and self.dead is None:
            return View(None, len(self.generation.rows), delta)
        mask = np.ones(len(self.generation.rows), dtype=np.bool_) if self.dead is None else ~self.dead
        if within is not None:
            mask = mask & within.mask(self.generation.rows)
        selection = Selection.of(mask)
        return View(selection, selection.count, delta)


_EVERYTHING = Spans.of([])
