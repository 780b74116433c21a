"""One search over many chunks, against its three parts alone: bare encoder, bare FAISS, bare tantivy, in one process.

Texts and vectors are the shared passages and their embeddings, repeated with words swapped and vectors nudged until
there are enough. The bare parts are called as a script would call them: sentence-transformers' `encode`, `index.search`
and `searcher.search` on the very files the product published, each for 100 candidates, without access, fusion or texts.
"""

from __future__ import annotations

import gc
import random
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.corpus import passages, questions
from bench.report import CACHE, arguments, percentile, report
from retrieval.catalog import Catalog
from retrieval.durable import open_current
from retrieval.embed import DEFAULT_MODEL, QueryEncoder, load_embedder
from retrieval.index.build import build_generation, collection_folder, published_info
from retrieval.search import Searcher
from retrieval.types import Block, Caller, ChunkDraft, ParsedDocument

COLLECTION = "bench"
WHOLE = "search (10 passages, both scores)"
ENCODE = "of it: encode"
DEPTH = 100
_OPERATOR = Caller(reads_all=True)
_PER_DOCUMENT = 50
_SEEDS = 2_000  # passages that are really encoded


def resident_mb() -> float:
    """Give this process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def fill(catalog: Catalog, count: int) -> None:
    """Fill the catalog with `count` chunks made of real passages."""
    rng, noise = random.Random(0), np.random.default_rng(0)
    seeds = [text[:800] for _, text in passages(_SEEDS)]
    vectors = load_embedder(DEFAULT_MODEL, cache_dir=CACHE).encode(seeds)
    catalog.create_collection(COLLECTION, collection_id=COLLECTION, embedding_model=DEFAULT_MODEL)
    for start in range(0, count, _PER_DOCUMENT):
        picks = [rng.randrange(len(seeds)) for _ in range(min(_PER_DOCUMENT, count - start))]
        drafts, text = [], ""
        for pick in picks:
            words = seeds[pick].split()
            rng.shuffle(donors := seeds[rng.randrange(len(seeds))].split())
            for place in rng.sample(range(len(words)), len(words) // 5):  # a fifth of the words from elsewhere
                words[place] = donors[place % len(donors)]
            chunk = " ".join(words)
            drafts.append(ChunkDraft(chunk, len(text), len(text) + len(chunk)))
            text += chunk + "\n"
        nudged = vectors[picks] + 0.03 * noise.normal(size=(len(picks), vectors.shape[1])).astype(np.float32)
        nudged /= np.linalg.norm(nudged, axis=1, keepdims=True)
        staged = catalog.stage_upload()
        staged.write_text(f"{start}")
        file = catalog.add_file(staged, filename=f"{start}.txt", purpose="assistants", owner="key:bench")
        catalog.attach(_OPERATOR, COLLECTION, file.file_id)
        (claim,) = catalog.claim("bench", lease_s=600)
        catalog.complete(claim, ParsedDocument(text, (Block("paragraph", 0, len(text)),)), drafts, nudged)


def timed(calls: Mapping[str, Callable[[str], object]], asked: Sequence[str]) -> dict[str, list[float]]:
    """Give the milliseconds of each call, question by question, so that a busy machine hurts all of them alike."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for query in asked:
        for name, call in calls.items():
            start = time.perf_counter()
            call(query)
            taken[name].append((time.perf_counter() - start) * 1e3)
    return taken


def bare_parts(folder: Path, asked: Sequence[str]) -> dict[str, Callable[[str], object]]:
    """Open encoder, vectors and words alone, on the published files."""
    import faiss
    import tantivy
    from sentence_transformers import SentenceTransformer

    from retrieval.embed.weights import packaged_minilm
    from retrieval.index.analyzer import ANALYZER_NAME, analyzer
    from retrieval.index.generation import read_info

    model = SentenceTransformer(str(packaged_minilm()), device="cpu")
    vectors = {query: model.encode([query], show_progress_bar=False) for query in asked}
    info = read_info(folder)
    index = faiss.read_index(str(folder / "dense.faiss"), 1 << 9)
    probes = faiss.SearchParametersIVF(nprobe=info.dense.probes) if info.dense.lists else None
    words = tantivy.Index.open(str(folder / "lexical"))
    words.register_tokenizer(ANALYZER_NAME, analyzer())
    words.reload()
    reader = words.searcher()

    def lexical(query: str) -> object:
        parsed, _ = words.parse_query_lenient(query, ["text"])
        return reader.search(parsed, DEPTH, count=False).hits

    return {
        "encode (sentence-transformers)": lambda q: model.encode([q], show_progress_bar=False),
        f"FAISS {info.dense.kind} ({info.dense.lists} lists, {info.dense.probes} probed)": lambda q: index.search(
            vectors[q], DEPTH, params=probes
        ),
        "tantivy": lexical,
    }


def main() -> None:
    """Fill, build, measure, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--home", type=Path, help="keep the filled catalog here, and use it again")
    options = parser.parse_args()
    asked = questions(options.queries)
    with tempfile.TemporaryDirectory() as temporary:
        home = options.home or Path(temporary)
        fresh = not (home / "catalog.db").exists()
        catalog = Catalog.open(home)
        indexes = home / "indexes"
        build_s = 0.0
        if fresh:
            fill(catalog, options.chunks)
        if published_info(collection_folder(indexes, COLLECTION)) is None:
            start = time.perf_counter()
            build_generation(catalog, COLLECTION, indexes)
            build_s = time.perf_counter() - start
            gc.collect()
        encoder = QueryEncoder(load_embedder(DEFAULT_MODEL, cache_dir=CACHE), cache_size=0)
        with Searcher(catalog, indexes, lambda _model: encoder) as searcher:
            searcher.warm()
            (status,) = searcher.status()

            def search(query: str) -> object:
                return searcher.search(_OPERATOR, query, collections=[COLLECTION])

            timed({WHOLE: search}, asked)
            resident = resident_mb()
            published = open_current(collection_folder(indexes, COLLECTION))
            assert published is not None
            bare = bare_parts(published.path, asked)
            calls = {**bare, WHOLE: search, ENCODE: encoder.encode}
            timed(calls, asked[:30])
            taken = timed(calls, asked)
        encoder.close()
        catalog.close()
    total = sum(percentile(taken[name], 50) for name in bare)
    rows = [[name, f"{percentile(t, 50):.2f}", f"{percentile(t, 95):.2f}"] for name, t in taken.items()]
    rows.insert(len(bare), ["sum of the bare parts", f"{total:.2f}", ""])
    rows.append(["search / bare", f"**{percentile(taken[WHOLE], 50) / total:.2f}**", ""])
    built = f"built in {build_s:.0f} s; " if build_s else ""
    report(
        "search_latency",
        f"Search latency over {status.vectors:,} chunks, one client (ms)",
        ["", "p50", "p95"],
        rows,
        data=f"{status.vectors:,} chunks from {_SEEDS:,} shared passages, {len(asked)} shared questions",
        notes=[f"Index: {status.kind}; {built}process {resident:.0f} MB resident after the searches (torch included)."],
        save=options.save,
    )


if __name__ == "__main__":
    main()
