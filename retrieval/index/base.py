"""The ports of an index: what the searcher asks of one collection, and where its published part may be kept.

A collection's index is a published generation plus what the catalog says happened since (`retrieval.index.state`). The
second half is in this process whatever holds the first, so a change is seen by the next search on every backend.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from retrieval.catalog import Catalog, CollectionRef
from retrieval.index.hits import Hits, Mask, Rows, Scores, Spans, Vector

if TYPE_CHECKING:
    from retrieval.index.dense import Selection
    from retrieval.index.generation import Generation


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


class PublishedVectors(Protocol):
    """The dense side of a published generation; thread-safe."""

    def search(self, vector: Vector, k: int, selection: Selection | None = None) -> Hits:
        """Find the k nearest vectors by cosine, among the selected positions when given."""

    def cosines(self, places: Rows, vector: Vector) -> Scores:
        """Compute the cosines of the vectors at these positions: `(n,)`."""


class PublishedWords(Protocol):
    """The lexical side of a published generation; thread-safe."""

    @property
    def documents(self) -> int:
        """Chunks that the document frequencies count."""

    @property
    def average_length(self) -> float:
        """Terms in a chunk on average, as its scores were computed with."""

    def matching(self, term: str) -> int:
        """Count the chunks that hold a term."""

    def search(self, boosts: Mapping[str, float], k: int, mask: Mask | None = None, allowed: int = 0) -> Hits:
        """Find the k best by BM25; `boosts` are factors on each term's score, `allowed` counts what `mask` lets in."""


class Backend(Protocol):
    """Where published generations are searched: on this machine's disk, or in an engine."""

    def open(self, folder: Path) -> Generation:
        """Open a published directory; IndexCorrupt when it cannot serve."""

    def needs_build(self, catalog: Catalog, collection: CollectionRef, *, idle: bool = False) -> bool:
        """Tell whether a collection has drifted far enough from what is published; `idle`: nothing else waits."""

    def build(self, catalog: Catalog, collection_id: str) -> int:
        """Publish what the catalog holds; gives the chunks in it."""

    def remove_orphans(self, catalog: Catalog) -> int:
        """Delete what belongs to collections that are gone; gives how many."""
