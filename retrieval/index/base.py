"""The port of an index: what the searcher asks of one collection, whoever holds it."""

from __future__ import annotations

from typing import Protocol

from retrieval.index.hits import Hits, Rows, Scores, Spans, Vector


class Index(Protocol):
    """One collection at one moment. Immutable, so any number of threads may search it."""

    @property
    def seq(self) -> int:
        """The collection's changes up to this number are in it."""

    @property
    def size(self) -> int:
        """Chunks that can be found."""

    def dense(self, vector: Vector, k: int, within: Spans | None = None) -> Hits:
        """Find the k chunks nearest by cosine, among the rows in `within` when given."""

    def lexical(self, query: str, k: int, within: Spans | None = None) -> Hits:
        """Find the k chunks with the best BM25 that share a term with the query; `within` as for `dense`."""

    def cosines(self, rows: Rows, vector: Vector) -> Scores:
        """Compute the cosine of each row: `(n,)`; zero for rows that are not here."""
