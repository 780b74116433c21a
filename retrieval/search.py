"""Search: what the caller may read, fused from words and meaning, as passages.

Access is decided here and nowhere above: every search starts from the collections that the catalog says the caller may
read, and every passage is fetched through the catalog as that caller. Knows nothing of HTTP; may be used from any
number of threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import numpy as np

from retrieval.candidates import NO_CANDIDATES, Candidates, find_candidates
from retrieval.catalog import Catalog
from retrieval.embed.adapter import Questions
from retrieval.embed.base import Vectors
from retrieval.errors import InvalidInput
from retrieval.filters import Filter
from retrieval.fuse import LEXICAL_WEIGHT, fuse
from retrieval.hydrate import PassageCache
from retrieval.index.build import collection_folder
from retrieval.index.follower import Follower
from retrieval.index.generation import Generation, open_generation
from retrieval.index.state import CollectionState
from retrieval.index.within import FilterCache
from retrieval.types import Caller, Passage, SearchMode

_MODES = ("hybrid", "dense", "lexical")
_SPARE = 8  # hits beyond k, should some have been deleted a moment ago


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search; the defaults are what the benchmarks were run with."""

    depth: int = 100  # candidates from each side
    lexical_weight: float = LEXICAL_WEIGHT
    max_k: int = 1_000
    max_query_chars: int = 8_000
    threads: int = 4  # searches of `asearch` at once
    cached_passages: int = 10_000


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """How a collection is indexed in this process, for people."""

    collection_id: str
    generation: str | None
    kind: str  # "flat", "ivf_sq8", "milvus"; "none" while everything is in the delta
    vectors: int  # that can be found
    delta: int  # of them, not in the generation
    tombstones: int  # in the generation, removed since

    @property
    def number(self) -> int:
        """The number of the generation, 0 where there is none."""
        return int("".join(filter(str.isdigit, self.generation or "")) or 0)


@dataclass(frozen=True, slots=True)
class _Query:
    caller: Caller
    text: str
    k: int
    filters: Filter | None
    mode: SearchMode


@dataclass(frozen=True, slots=True)
class _Found:
    state: CollectionState
    seq: int  # of the collection when this search read it


@dataclass(frozen=True, slots=True)
class _Scored:
    score: float
    dense: float
    lexical: float
    row: int
    seq: int  # of the collection


class Searcher:
    """Searches collections; thread-safe. `close` it when done.

    Args:
        catalog: Says who may read what, and holds the texts.
        indexes_dir: Where published indexes are, one folder per collection.
        encoder_for: Gives the query encoder of a model; called once per search and model, so it should remember.
        options: Limits and weights.
        opener: Opens a published index; another one where an engine holds the vectors (`Backend.open`).
    """

    def __init__(
        self,
        catalog: Catalog,
        indexes_dir: Path,
        encoder_for: Callable[[str], Questions],
        options: SearchOptions | None = None,
        opener: Callable[[Path], Generation] = open_generation,
    ) -> None:
        self._catalog = catalog
        self._indexes_dir = indexes_dir
        self._encoder_for = encoder_for
        self._options = options or SearchOptions()
        self._opener = opener
        self._followers: dict[str, Follower] = {}
        self._filters = FilterCache(catalog)
        self._passages = PassageCache(catalog, self._options.cached_passages)
        self._searching = ThreadPoolExecutor(self._options.threads, "search")
        self._loading = ThreadPoolExecutor(1, "index-load")

    def search(
        self,
        caller: Caller,
        query: str,
        *,
        collections: Sequence[str] | None = None,
        k: int = 10,
        filters: Filter | None = None,
        mode: SearchMode = "hybrid",
        encoder_for: Callable[[str], Questions] | None = None,
    ) -> list[Passage]:
        """Find the passages that answer a question best.

        Args:
            caller: Who asks.
            query: The question.
            collections: Where to look; None is everywhere the caller may read.
            k: Most passages.
            filters: Which documents count, by their attributes.
            mode: Both sides, or one alone.
            encoder_for: Encodes this question instead of what the searcher was made with: as a version learned to.

        Returns:
            At most k passages, best first.

        Raises:
            CollectionNotFound: A collection named does not exist for this caller.
            InvalidInput: The query is empty or too long, or k or mode is out of range.
        """
        asked = self._check(caller, query, k, filters, mode)
        states = self._states(caller, collections)
        jobs = self._encode(asked, states, encoder_for or self._encoder_for)
        return self._answer(asked, states, {model: job.result() for model, job in jobs.items()})

    async def asearch(
        self,
        caller: Caller,
        query: str,
        *,
        collections: Sequence[str] | None = None,
        k: int = 10,
        filters: Filter | None = None,
        mode: SearchMode = "hybrid",
        encoder_for: Callable[[str], Questions] | None = None,
    ) -> list[Passage]:
        """Do what `search` does without blocking the event loop; waiting for the encoder occupies no thread."""
        asked = self._check(caller, query, k, filters, mode)
        loop = asyncio.get_running_loop()
        states = await loop.run_in_executor(self._searching, self._states, caller, collections)
        jobs = self._encode(asked, states, encoder_for or self._encoder_for)
        vectors = {model: await asyncio.wrap_future(job) for model, job in jobs.items()}
        return await loop.run_in_executor(self._searching, self._answer, asked, states, vectors)

    def warm(self) -> None:
        """Load and verify every collection's index now, so that no search has to wait for it."""
        for collection in self._catalog.all_collections():
            self._follower(collection.collection_id).state(collection)

    def status(self) -> list[IndexStatus]:
        """Describe the index of every collection, bringing each up to date."""
        collections = self._catalog.all_collections()
        known = {collection.collection_id for collection in collections}
        for gone in set(self._followers) - known:
            self._followers.pop(gone, None)
        return [_describe(self._follower(c.collection_id).state(c)) for c in collections]

    def close(self) -> None:
        """Stop the threads; encoders and catalog belong to whoever made them."""
        self._searching.shutdown()
        self._loading.shutdown()

    def __enter__(self) -> Searcher:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _check(self, caller: Caller, query: str, k: int, filters: Filter | None, mode: SearchMode) -> _Query:
        options = self._options
        if not 1 <= k <= options.max_k:
            raise InvalidInput(f"k must be from 1 to {options.max_k}, not {k}.", param="k")
        if mode not in _MODES:
            raise InvalidInput(f"mode must be one of {', '.join(_MODES)}, not {mode!r}.", param="mode")
        text = query.strip()
        if not text:
            raise InvalidInput("The query is empty.", param="query")
        if len(text) > options.max_query_chars:
            limit = options.max_query_chars
            raise InvalidInput(f"The query has {len(text)} characters; {limit} are allowed.", param="query")
        return _Query(caller, text, k, filters, mode)

    def _follower(self, collection_id: str) -> Follower:
        follower = self._followers.get(collection_id)
        if follower is None:
            folder = collection_folder(self._indexes_dir, collection_id)
            fresh = Follower(self._catalog, collection_id, folder, self._loading, self._opener)
            follower = self._followers.setdefault(collection_id, fresh)
        return follower

    def _states(self, caller: Caller, collections: Sequence[str] | None) -> list[_Found]:
        readable = self._catalog.readable_collections(caller, collections)
        return [_Found(self._follower(ref.collection_id).state(ref), ref.seq) for ref in readable]

    def _encode(
        self, asked: _Query, found: Sequence[_Found], encoder_for: Callable[[str], Questions]
    ) -> dict[str, Future[Vectors]]:
        models = {part.state.embedding_model for part in found if part.state.size}
        return {} if asked.mode == "lexical" else {m: encoder_for(m).submit(asked.text) for m in sorted(models)}

    def _answer(self, asked: _Query, found: Sequence[_Found], vectors: dict[str, Vectors]) -> list[Passage]:
        parts = [(self._candidates(asked, part, vectors), part.seq) for part in found]
        best_lexical = max((float(part.lexical.max(initial=0)) for part, _ in parts), default=0.0)
        ranked: list[_Scored] = []
        for part, seq in parts:
            if asked.mode == "lexical":
                scores = part.lexical
            else:
                scores = fuse(part.cosines, part.lexical, best_lexical, self._options.lexical_weight)
            order = np.argsort(-scores, kind="stable")[: asked.k + _SPARE]
            columns = [c[order].tolist() for c in (scores, part.cosines, part.lexical, part.rows)]
            ranked += [_Scored(s, dense, words, row, seq) for s, dense, words, row in zip(*columns, strict=True)]
        ranked.sort(key=lambda hit: (-hit.score, hit.row))
        return self._hydrate(asked, ranked)

    def _candidates(self, asked: _Query, found: _Found, vectors: dict[str, Vectors]) -> Candidates:
        state = found.state
        if not state.size:
            return NO_CANDIDATES
        within = self._filters.rows(state.collection_id, found.seq, asked.filters) if asked.filters else None
        return find_candidates(
            state,
            asked.text,
            vectors.get(state.embedding_model),
            mode=asked.mode,
            depth=max(self._options.depth, asked.k + _SPARE),
            within=within,
        )

    def _hydrate(self, asked: _Query, ranked: list[_Scored]) -> list[Passage]:
        passages: list[Passage] = []
        start = 0
        # A second round only when something was deleted since its collection's state was taken.
        while start < len(ranked) and (short := asked.k - len(passages)) > 0:
            batch = ranked[start : start + short]
            start += short
            found = self._passages.passages(asked.caller, [(hit.row, hit.seq) for hit in batch])
            passages.extend(_scored(found[hit.row], hit) for hit in batch if hit.row in found)
        return passages


def _scored(passage: Passage, hit: _Scored) -> Passage:
    return replace(passage, score=hit.score, dense_score=hit.dense, lexical_score=hit.lexical)


def _describe(state: CollectionState) -> IndexStatus:
    generation = state.generation
    return IndexStatus(
        state.collection_id,
        generation.name if generation else None,
        generation.info.dense.kind if generation else "none",
        state.size,
        state.delta.size,
        state.tombstones,
    )
