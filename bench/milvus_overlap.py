"""Whether Milvus gives the same first ten as the local index, and both the same as comparing everything.

Two sets share one Milvus collection, as two tenants do; questions go to the first. Half of it is fed at once and half
as changes. Exact means that every passage is compared: its cosine, and BM25 with the length of a passage kept in one
byte, as Lucene and tantivy define it; a hybrid search counts BM25 for the 100 best by words. Beside it what these two
rules cost: without the depth, and with the textbook's BM25, the length as it is, too. Needs the extra `milvus`;
without a server (`--uri`) it runs on milvus-lite, whose times say nothing about a server's.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.report import CACHE, DATA, arguments, percentile, report
from bench.retrieval_quality import add, fill, read_lines
from retrieval.catalog import Catalog
from retrieval.embed import DEFAULT_MODEL, Embedder, QueryEncoder, load_embedder
from retrieval.index.analyzer import terms_of
from retrieval.index.base import Backend
from retrieval.index.bm25 import K1, Floats, idf, rounded_lengths, saturation
from retrieval.index.local import LocalIndex
from retrieval.milvus import MilvusIndex, MilvusOptions, MilvusStore
from retrieval.search import Searcher, SearchOptions
from retrieval.types import Caller, SearchMode

SET, TENANT = "feedbackqa_cdc", "feedbackqa_who"
MODES: tuple[SearchMode, ...] = ("hybrid", "dense", "lexical")
K = 10
WEIGHT = 0.3
_OPERATOR = Caller(reads_all=True)


class Exact:
    """Compares everything.

    Args:
        catalog: Where the passages are.
    """

    def __init__(self, catalog: Catalog) -> None:
        texts = {c.row: c.embedding_text for batch in catalog.iter_texts(SET) for c in batch}
        vectors = {
            int(row): vector
            for rows, batch in catalog.iter_vectors(SET)
            for row, vector in zip(rows, batch, strict=True)
        }
        self.rows = sorted(texts)
        self._vectors = np.stack([vectors[row] for row in self.rows])
        self._terms = [Counter(terms_of(texts[row])) for row in self.rows]
        lengths = np.array([sum(terms.values()) for terms in self._terms])
        average = lengths.mean()
        self._normal = {
            "rounded": saturation(rounded_lengths(lengths), average),
            "textbook": saturation(lengths.astype(np.float32), average),
        }

    def top(
        self, question: str, vector: np.ndarray, mode: SearchMode, *, lengths: str = "rounded", depth: int | None = None
    ) -> list[int]:
        """Give the K best rows of the whole set; `lengths` is "rounded" or "textbook"."""
        cosines, words = self._vectors @ vector, self._bm25(question, self._normal[lengths])
        if depth is not None and len(words) > depth:
            words = np.where(words >= np.sort(words)[-depth], words, 0.0)
        best = words.max(initial=0.0)
        fused = cosines + WEIGHT * words / best if best > 0 else cosines
        scores = {"dense": cosines, "lexical": words, "hybrid": fused}[mode]
        order = [i for i in np.argsort(-scores, kind="stable")[:K] if mode != "lexical" or scores[i] > 0]
        return [self.rows[i] for i in order]

    def _bm25(self, question: str, normal: Floats) -> np.ndarray:
        scores = np.zeros(len(self.rows))
        for term, times in Counter(terms_of(question)).items():
            counts = np.array([terms[term] for terms in self._terms], dtype=np.float64)
            if matching := int((counts > 0).sum()):
                weight = times * idf(len(self.rows), matching)
                scores += weight * counts * (K1 + 1) / (counts + normal)
        return scores


def overlap(found: Sequence[Sequence[int]], expected: Sequence[Sequence[int]]) -> float:
    """Give the mean share of the expected that was found."""
    return math.fsum(len(set(f) & set(e)) / max(len(e), 1) for f, e in zip(found, expected, strict=True)) / len(found)


def main() -> None:
    """Fill one catalog, publish it through both backends, ask every question of both."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--uri", help="a Milvus server; by default milvus-lite in a temporary file")
    parser.add_argument("--questions", type=int, help="only that many")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    options = parser.parse_args()
    embedder = load_embedder(DEFAULT_MODEL, cache_dir=CACHE)
    questions = [row["text"] for row in read_lines(DATA / "retrieval" / SET / "queries.jsonl")][: options.questions]
    vectors = embedder.encode(questions, kind="query")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        catalog = Catalog.open(home)
        store = MilvusStore(MilvusOptions(options.uri or str(home / "m.db"), prefix="bench", timeout_s=120.0))
        backends: dict[str, Backend] = {
            "local": LocalIndex(home / "local"),
            "milvus": MilvusIndex(home / "milvus", store),
        }
        build_s = _fill(catalog, embedder, backends)
        exact = Exact(catalog)
        rows = []
        for mode in options.modes:
            asked = list(zip(questions, vectors, strict=True))
            expected = [exact.top(*pair, mode, depth=SearchOptions().depth) for pair in asked]
            deep = [exact.top(*pair, mode) for pair in asked]
            textbook = [exact.top(*pair, mode, lengths="textbook") for pair in asked]
            found: dict[str, list[list[int]]] = {}
            for name, backend in backends.items():
                found[name], times = _ask(catalog, home / name, backend, embedder, questions, mode)
                rows.append(
                    [
                        mode,
                        name,
                        f"{overlap(found[name], expected):.4f}",
                        f"{overlap(found[name], deep):.4f}",
                        f"{overlap(found[name], textbook):.4f}",
                        f"{overlap(found[name], found['local']):.4f}",
                        f"{1000 * percentile(times, 50):.1f}",
                        f"{build_s[name]:.1f}",
                    ]
                )
        for name in (SET, TENANT):
            store.delete_collection(name)
        store.close()
        catalog.close()
    report(
        "milvus_overlap",
        "The first ten, from Milvus and from the local index",
        [
            "mode",
            "index",
            "overlap with exact",
            "without depth",
            "and textbook BM25",
            "with local",
            "p50 ms",
            "publishing s",
        ],
        rows,
        data=f"{SET}: {len(exact.rows)} passages, {len(questions)} questions; {TENANT} beside it as another tenant",
        notes=[
            "Milvus is " + ("the server at hand" if options.uri else "milvus-lite 3.2, a server in pure Python"),
            "overlap: mean share of the ten expected passages that are among the ten found; equal scores at the "
            "edge may fall either way",
        ],
        save=options.save,
    )


def _fill(catalog: Catalog, embedder: Embedder, backends: dict[str, Backend]) -> dict[str, float]:
    """Publish each set in two steps; gives the seconds that publishing took."""
    spent = dict.fromkeys(backends, 0.0)
    for collection in (TENANT, SET):
        passages = read_lines(DATA / "retrieval" / collection / "corpus.jsonl")
        half = len(passages) // 2
        fill(catalog, collection, passages[:half], embedder)
        _build(catalog, collection, backends, spent)
        add(catalog, collection, passages[half:], embedder)
        _build(catalog, collection, backends, spent)
    return spent


def _build(catalog: Catalog, collection: str, backends: dict[str, Backend], spent: dict[str, float]) -> None:
    for name, backend in backends.items():
        started = time.monotonic()
        backend.build(catalog, collection)
        spent[name] += time.monotonic() - started


def _ask(
    catalog: Catalog, indexes: Path, backend: Backend, embedder: Embedder, questions: Sequence[str], mode: SearchMode
) -> tuple[list[list[int]], list[float]]:
    encoder = QueryEncoder(embedder)
    found, times = [], []
    with Searcher(catalog, indexes, lambda _model: encoder, opener=backend.open) as searcher:
        searcher.warm()
        for question in questions:
            started = time.monotonic()
            passages = searcher.search(_OPERATOR, question, collections=[SET], k=K, mode=mode)
            times.append(time.monotonic() - started)
            found.append([int(p.chunk_id.removeprefix("chk_")) for p in passages])
    encoder.close()
    return found, times


if __name__ == "__main__":
    main()
