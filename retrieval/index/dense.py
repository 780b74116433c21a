"""The published vector index: FAISS, inner product over unit vectors, positions instead of ids. Never changed once
opened.

Flat and exact while small; from `FLAT_LIMIT` vectors on an inverted file of 8-bit residuals, which gives cosines to
about 0.001 at a quarter of the memory. Both are memory-mapped, so processes share one copy. Search parameters go with
each call: setting them on the index would change it under another thread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from retrieval.errors import IndexCorrupt, InvalidInput
from retrieval.index.hits import NO_HITS, Hits, Mask, Matrix, Rows, Scores, Vector, best

FLAT_LIMIT = 50_000
DENSE_FILE = "dense.faiss"
_MMAP = 1 << 9  # faiss.IO_FLAG_MMAP_IFC
_EXACT_BELOW = 20_000  # so few allowed rows are compared one by one: exact, and as fast as probing for them
_TRAIN_PER_LIST = 64  # faiss asks for 39 to 256; beyond 64 recall no longer moves, time does
# Below 32 a search is no faster, choosing the lists is what takes the time; and questions lie further from the centres
# than the collection's own vectors, which the recall is measured on.
_PROBES = (32, 64, 128, 256)
_TARGET_RECALL = 0.99
_SAMPLE = 256
_REACH = 4  # vectors read per candidate, at least


@dataclass(frozen=True, slots=True)
class DenseKind:
    """How a generation's vectors are searched, as its manifest says it."""

    kind: str  # "flat" or "ivf_sq8"; else the name of the engine that holds the vectors
    lists: int = 0
    probes: int = 0

    @property
    def is_local(self) -> bool:
        """Tell whether the vectors are in the generation's own files."""
        return self.kind in ("flat", "ivf_sq8")


@dataclass(frozen=True, slots=True)
class Selection:
    """The positions that may be found; made once and used by many searches."""

    mask: Mask  # (n,)
    count: int
    selector: faiss.IDSelector

    @staticmethod
    def of(mask: Mask) -> Selection:
        """Make a selection of a mask over positions."""
        return Selection(mask, int(mask.sum()), faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little")))


def write_dense(folder: Path, vectors: Matrix) -> DenseKind:
    """Write the index of `(n, d)` float32 unit vectors into a folder, of the type that suits their number.

    Args:
        folder: Exists.
        vectors: In the order of the generation's rows.

    Returns:
        What to pass to `DenseIndex`.
    """
    if len(vectors) < FLAT_LIMIT:
        index, kind = faiss.IndexFlatIP(vectors.shape[1]), DenseKind("flat")
        index.add(vectors)
    else:
        index, kind = _inverted_file(vectors)
    path = folder / DENSE_FILE
    faiss.write_index(index, str(path))
    # faiss only prints when the disk is full: believe the file, not the call.
    if path.stat().st_size < len(vectors) * vectors.shape[1]:
        raise OSError(28, "No space left on device", str(path))
    return kind


def _inverted_file(vectors: Matrix) -> tuple[faiss.Index, DenseKind]:
    lists = 4 * math.isqrt(len(vectors))
    quantizer = faiss.IndexFlatIP(vectors.shape[1])
    index = faiss.IndexIVFScalarQuantizer(
        quantizer, vectors.shape[1], lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    index.cp.spherical = True
    rng = np.random.default_rng(0)
    sample = rng.choice(len(vectors), min(len(vectors), _TRAIN_PER_LIST * lists), replace=False)
    index.train(vectors[np.sort(sample)])
    index.add(vectors)
    questions = vectors[rng.choice(len(vectors), min(_SAMPLE, len(vectors)), replace=False)]
    exact = np.argsort(-(questions @ vectors.T), axis=1)[:, :11]
    probes = next((p for p in _PROBES if _recall(index, questions, exact, p) >= _TARGET_RECALL), _PROBES[-1])
    return index, DenseKind("ivf_sq8", lists, probes)


def _recall(index: faiss.Index, questions: Matrix, exact: npt.NDArray[np.int64], probes: int) -> float:
    _, found = index.search(questions, 40, params=faiss.SearchParametersIVF(nprobe=probes))
    return float(np.mean([len(set(e) & set(f)) / len(e) for e, f in zip(exact, found, strict=True)]))


class DenseIndex:
    """A read-only vector index; thread-safe.

    Args:
        folder: What `write_dense` wrote.
        kind: What `write_dense` returned.
        rows: The chunk rows of the generation, ascending.
        dimension: Length of the vectors.

    Raises:
        IndexCorrupt: The file is not the index that the arguments describe.
    """

    def __init__(self, folder: Path, kind: DenseKind, rows: Rows, dimension: int) -> None:
        self.kind = kind
        self._rows = rows
        try:
            self._index = faiss.read_index(str(folder / DENSE_FILE), _MMAP)
        except RuntimeError as error:
            raise IndexCorrupt(f"{folder.name}/{DENSE_FILE} cannot be read: {error}") from error
        if (self._index.ntotal, self._index.d) != (len(rows), dimension):
            raise IndexCorrupt(f"{folder.name}/{DENSE_FILE} holds {self._index.ntotal} × {self._index.d} values")
        if kind.kind != "flat":
            self._index.make_direct_map()  # 8 bytes a vector, so that `cosines` finds them by position

    def search(self, vector: Vector, k: int, selection: Selection | None = None) -> Hits:
        """Find the k nearest vectors by cosine.

        Args:
            vector: `(d,)` float32, finite, length one.
            k: Most hits; more than there are gives all.
            selection: What may be found; None for everything.

        Returns:
            Hits; fewer than k only when fewer vectors are allowed (or, for the inverted file, probed).
        """
        count = len(self._rows) if selection is None else selection.count
        if not count or k < 1:
            return NO_HITS
        if self.kind.kind == "flat":
            return self._flat(vector, min(k, count), selection)
        if selection is not None and count <= _EXACT_BELOW:
            places = np.flatnonzero(selection.mask)
            return best(self._rows[places], self.cosines(places, vector), k)
        return self._probe(vector, min(k, count), count, selection)

    def cosines(self, places: npt.NDArray[np.int64], vector: Vector) -> Scores:
        """Compute the cosines of the vectors at these positions: `(n,)`."""
        scores: Scores = self._index.reconstruct_batch(places) @ vector
        return scores

    def _flat(self, vector: Vector, k: int, selection: Selection | None) -> Hits:
        params = None if selection is None else faiss.SearchParameters(sel=selection.selector)
        scores, places = self._index.search(vector[None, :], k, params=params)
        return best(self._rows[places[0]], scores[0], k)

    def _probe(self, vector: Vector, k: int, count: int, selection: Selection | None) -> Hits:
        # With fewer allowed rows per list, as many more lists are read; for a large k, enough to hold several times k.
        share = max(self.kind.probes / self.kind.lists * len(self._rows), _REACH * k) / count
        probes = min(self.kind.lists, math.ceil(self.kind.lists * share))
        sel = {} if selection is None else {"sel": selection.selector}
        params = faiss.SearchParametersIVF(nprobe=probes, **sel)
        scores, places = self._index.search(vector[None, :], k, params=params)
        found = places[0] >= 0
        return best(self._rows[places[0][found]], scores[0][found], k)


def check_vector(vector: Vector, dimension: int) -> Vector:
    """Check a query vector before FAISS sees it: a wrong length is an assertion there, NaN finds nothing silently.

    Args:
        vector: `(dimension,)` numbers.
        dimension: What the index holds.

    Returns:
        `(dimension,)` float32, contiguous.

    Raises:
        InvalidInput: The shape is wrong or a value is not finite.
    """
    checked = np.ascontiguousarray(vector, dtype=np.float32)
    if checked.shape != (dimension,):
        raise InvalidInput(f"the query vector has shape {checked.shape}, the index holds vectors of {dimension}")
    if not np.isfinite(checked).all():
        raise InvalidInput("the query vector holds values that are not finite")
    return checked
