"""A generation whose vectors and words are in Milvus: what is published here are its row ids and term statistics.

`<indexes>/<collection>/gen-000007/` holds `rows.npy`, `terms.npz`, `index.json` as every generation does, and
`milvus.json`. A row that Milvus holds and the generation does not (added since, or not deleted yet) is never found
through it, so an answer is as of the generation's number whatever is being fed at that moment.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrieval.durable import write_file_atomic
from retrieval.errors import IndexCorrupt, IndexUnavailable
from retrieval.index.dense import DenseKind, Selection
from retrieval.index.generation import INFO_FILE, ROWS_FILE, Generation, GenerationInfo, read_info
from retrieval.index.hits import NO_HITS, Hits, Mask, Rows, Scores, Vector, merge, positions
from retrieval.milvus.store import MOST_HITS, ROWS_IN_FILTER, MilvusStore, Space
from retrieval.milvus.words import Sparse, TermStatistics

ENGINE = "milvus"
_FEEDING_FILE = "milvus.json"
_SPARE = 16  # rows that were added or removed since and crowd out others
_GROWTH = 4


@dataclass(frozen=True, slots=True)
class Feeding:
    """What the next feeding must know of this one."""

    number: int  # random; all rows written since the last full feeding carry it
    before_seq: int  # of the generation before: what was removed since may not be deleted yet
    average_length: float  # that the sparse vectors were computed with


def write_generation(
    folder: Path, info: GenerationInfo, rows: Rows, statistics: TermStatistics, feeding: Feeding
) -> None:
    """Write the files of a generation into an empty folder; `rows` (n,) ascending."""
    with (folder / ROWS_FILE).open("wb") as stream:
        np.save(stream, rows)
    statistics.save(folder)
    write_file_atomic(folder / _FEEDING_FILE, json.dumps(dataclasses.asdict(feeding)).encode())
    write_file_atomic(folder / INFO_FILE, json.dumps(dataclasses.asdict(info), indent=1).encode())


def read_parts(folder: Path) -> tuple[GenerationInfo, Rows, TermStatistics, Feeding]:
    """Read a published generation; IndexCorrupt when it is not one of Milvus or does not fit together."""
    info = read_info(folder)
    if info.dense.kind != ENGINE:
        raise IndexCorrupt(f"{folder.name} is not searched in Milvus but is {info.dense.kind}")
    try:
        rows = np.load(folder / ROWS_FILE)
        statistics = TermStatistics.load(folder)
        feeding = Feeding(**json.loads((folder / _FEEDING_FILE).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexCorrupt(f"{folder.name} cannot be read: {error}") from error
    if len(rows) != info.count:
        raise IndexCorrupt(f"{folder.name} holds {len(rows)} rows, not {info.count}")
    return info, rows, statistics, feeding


def open_generation(folder: Path, store: MilvusStore, lost: Callable[[], None]) -> Generation:
    """Open a published generation for searching; asks Milvus nothing yet.

    Args:
        folder: A published directory.
        store: Where its chunks are.
        lost: Called when Milvus turns out to hold nothing of it.

    Returns:
        The generation.

    Raises:
        IndexCorrupt: Its files do not fit together.
    """
    info, rows, statistics, feeding = read_parts(folder)
    held = _Held(store, Space(info.embedding_model, info.dimension), info.collection_id, rows, lost)
    return Generation(
        folder.name, info, rows, MilvusVectors(held), MilvusWords(held, statistics, feeding.average_length)
    )


def make_info(collection_id: str, space: Space, seq: int, count: int, total_terms: int) -> GenerationInfo:
    """Describe a generation that is searched in Milvus."""
    return GenerationInfo(collection_id, space.model, space.dimension, seq, count, total_terms, DenseKind(ENGINE))


@dataclass(frozen=True, slots=True)
class _Held:
    """The rows of a generation, as Milvus holds them."""

    store: MilvusStore
    space: Space
    collection_id: str
    rows: Rows  # (n,) ascending
    lost: Callable[[], None]

    def find(self, asked: Vector | Sparse, k: int, mask: Mask | None, allowed: int) -> Hits:
        """Find the k best of the allowed rows, exactly those: more are asked for until enough of them are ours."""
        if mask is not None and allowed <= ROWS_IN_FILTER:
            return self._ask(asked, k, self.rows[mask])
        limit = min(k * math.ceil(len(self.rows) / allowed) + _SPARE, MOST_HITS)
        while True:
            hits = self._ask(asked, limit, None)
            places, ours = positions(self.rows, hits.rows)
            kept = ours if mask is None else ours & mask[places]
            if int(kept.sum()) >= k or len(hits.rows) < limit:
                return Hits(hits.rows[kept][:k], hits.scores[kept][:k])
            if limit == MOST_HITS:
                return self._portions(asked, k, self.rows if mask is None else self.rows[mask])
            limit = min(limit * _GROWTH, MOST_HITS)

    def _portions(self, asked: Vector | Sparse, k: int, rows: Rows) -> Hits:
        """Name the allowed rows, some at a time: slow, and right however few of the best are allowed."""
        starts = range(0, len(rows), ROWS_IN_FILTER)
        return merge([self._ask(asked, min(k, MOST_HITS), rows[s : s + ROWS_IN_FILTER]) for s in starts], k)

    def _ask(self, asked: Vector | Sparse, k: int, rows: Rows | None) -> Hits:
        try:
            return self.store.nearest(self.space, self.collection_id, asked, k, rows)
        except IndexUnavailable:
            if not self.store.exists(self.space):  # it answers, and was emptied
                self.lost()
            raise


class MilvusVectors:
    """Satisfies `PublishedVectors`."""

    def __init__(self, held: _Held) -> None:
        self._held = held

    def search(self, vector: Vector, k: int, selection: Selection | None = None) -> Hits:
        """Find the k nearest vectors by cosine."""
        held = self._held
        allowed = len(held.rows) if selection is None else selection.count
        if not allowed or k < 1:
            return NO_HITS
        hits = held.find(vector, min(k, allowed), None if selection is None else selection.mask, allowed)
        if not len(hits.rows):
            held.lost()  # every vector has neighbours
        return hits

    def cosines(self, places: Rows, vector: Vector) -> Scores:
        """Compute cosines from the vectors themselves: exact, whatever the engine's index rounds."""
        scores = np.zeros(len(places), dtype=np.float32)
        wanted = self._held.rows[places]
        rows, vectors = self._held.store.vectors(self._held.space, np.sort(wanted))
        found, known = positions(rows, wanted)
        if known.any():
            scores[known] = vectors[found[known]] @ vector
        return scores


class MilvusWords:
    """Satisfies `PublishedWords`."""

    def __init__(self, held: _Held, statistics: TermStatistics, average_length: float) -> None:
        self._held = held
        self._statistics = statistics
        self.documents = statistics.documents
        self.average_length = average_length

    def matching(self, term: str) -> int:
        """Count the chunks that hold a term."""
        return self._statistics.matching(term)

    def search(self, boosts: Mapping[str, float], k: int, mask: Mask | None = None, allowed: int = 0) -> Hits:
        """Find the k best chunks that hold any of the terms."""
        held = self._held
        allowed = len(held.rows) if mask is None else allowed
        question = self._statistics.question_vector(boosts)
        if not question or not allowed or k < 1:
            return NO_HITS
        return held.find(question, min(k, allowed), mask, allowed)
