"""nDCG@10 and recall@10 of words, meaning, reciprocal rank and the shipped fusion, through the real catalog and
searcher.

Each passage of a set is one document with one chunk, so that the judgements apply; index and search are what the
service runs. The fusion weight is fixed beforehand: no question of any set was used to choose it.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.report import CACHE, DATA, arguments, report
from retrieval.catalog import Catalog
from retrieval.embed import DEFAULT_MODEL, Embedder, QueryEncoder, load_embedder
from retrieval.index.build import build_generation
from retrieval.search import Searcher
from retrieval.types import Block, Caller, ChunkDraft, ParsedDocument, SearchMode

SETS = ("feedbackqa_cdc", "feedbackqa_who", "multihop_hotpotqa", "xquad_en")
K = 10
DEPTH = 100
RECIPROCAL_RANK_K = 60
_OPERATOR = Caller(reads_all=True)

Judgements = Mapping[str, Mapping[str, int]]


def read_lines(path: Path) -> list[dict[str, str]]:
    """Read a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_judgements(path: Path) -> dict[str, dict[str, int]]:
    """Read BEIR's qrels.tsv: query id, passage id, grade."""
    judged: dict[str, dict[str, int]] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        query, passage, grade = line.split("\t")
        judged.setdefault(query, {})[passage] = int(grade)
    return judged


def fill(
    catalog: Catalog, collection: str, passages: Sequence[Mapping[str, str]], embedder: Embedder
) -> dict[str, str]:
    """Make a collection with every passage a document of one chunk; gives the passage id of each document id."""
    catalog.create_collection(collection, collection_id=collection, embedding_model=embedder.model_name)
    return add(catalog, collection, passages, embedder)


def add(catalog: Catalog, collection: str, passages: Sequence[Mapping[str, str]], embedder: Embedder) -> dict[str, str]:
    """Do the same to a collection that is there."""
    drafts = [ChunkDraft(passage["text"], 0, len(passage["text"])) for passage in passages]
    titled = [draft.embedding_text(passage["title"]) for draft, passage in zip(drafts, passages, strict=True)]
    vectors = embedder.encode(titled)
    known = {}
    for number, (passage, draft) in enumerate(zip(passages, drafts, strict=True)):
        staged = catalog.stage_upload()
        staged.write_text(f"{passage['_id']}\n{passage['text']}", encoding="utf-8")
        file = catalog.add_file(
            staged, filename=f"{passage['_id']}-{number}.txt", purpose="assistants", owner="key:bench"
        )
        catalog.attach(_OPERATOR, collection, file.file_id)
        (claim,) = catalog.claim("bench", lease_s=600)
        text = passage["text"]
        parsed = ParsedDocument(text, (Block("paragraph", 0, len(text)),), title=passage["title"])
        catalog.complete(claim, parsed, [draft], vectors[number : number + 1])
        known[file.file_id] = passage["_id"]
    return known


def ndcg(ranking: Sequence[str], judged: Mapping[str, int]) -> float:
    """nDCG@10 with linear gains, as trec_eval computes it."""
    gained = sum(judged.get(passage, 0) / math.log2(rank + 2) for rank, passage in enumerate(ranking[:K]))
    ideal = sum(g / math.log2(rank + 2) for rank, g in enumerate(sorted(judged.values(), reverse=True)[:K]))
    return gained / ideal


def recall(ranking: Sequence[str], judged: Mapping[str, int]) -> float:
    """The share of the relevant passages among the first ten."""
    relevant = {passage for passage, grade in judged.items() if grade > 0}
    return len(relevant & set(ranking[:K])) / len(relevant)


def reciprocal_rank(rankings: Iterable[Sequence[str]]) -> list[str]:
    """Fuse rankings by reciprocal rank, k = 60."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, passage in enumerate(ranking, start=1):
            scores[passage] = scores.get(passage, 0) + 1 / (RECIPROCAL_RANK_K + rank)
    return sorted(scores, key=lambda passage: -scores[passage])


def evaluate(
    searcher: Searcher, collection: str, folder: Path, known: Mapping[str, str]
) -> dict[str, tuple[float, float]]:
    """Give mean nDCG@10 and recall@10 for each way of ranking."""
    judged = read_judgements(folder / "qrels.tsv")
    queries = [query for query in read_lines(folder / "queries.jsonl") if query["_id"] in judged]
    rankings: dict[str, list[list[str]]] = {name: [] for name in ("BM25", "dense", "reciprocal rank", "hybrid")}
    modes: dict[str, SearchMode] = {"BM25": "lexical", "dense": "dense", "hybrid": "hybrid"}
    for query in queries:
        found = {
            name: [
                known[passage.document_id]
                for passage in searcher.search(_OPERATOR, query["text"], collections=[collection], k=DEPTH, mode=mode)
            ]
            for name, mode in modes.items()
        }
        found["reciprocal rank"] = reciprocal_rank((found["BM25"], found["dense"]))
        for name, ranking in found.items():
            rankings[name].append(ranking)
    return {
        name: tuple(
            sum(metric(ranking, judged[q["_id"]]) for ranking, q in zip(ranked, queries, strict=True)) / len(queries)
            for metric in (ndcg, recall)
        )
        for name, ranked in rankings.items()
    }


def main() -> None:
    """Index every set, ask every question, print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--dtype", default="auto", help="precision of the encoder")
    parser.add_argument("--sets", nargs="*", default=SETS)
    options = parser.parse_args()
    embedder = load_embedder(DEFAULT_MODEL, dtype=options.dtype, cache_dir=CACHE)
    encoder = QueryEncoder(embedder)
    rows = []
    counts = []
    with tempfile.TemporaryDirectory() as home:
        catalog = Catalog.open(Path(home))
        indexes = Path(home) / "indexes"
        with Searcher(catalog, indexes, lambda _model: encoder) as searcher:
            for name in options.sets:
                folder = DATA / "retrieval" / name
                known = fill(catalog, name, read_lines(folder / "corpus.jsonl"), embedder)
                build_generation(catalog, name, indexes)
                results = evaluate(searcher, name, folder, known)
                counts.append(f"{name} {len(known)} passages")
                rows.append([name, *(f"{ndcg10:.3f} / {recall10:.3f}" for ndcg10, recall10 in results.values())])
        catalog.close()
    encoder.close()
    report(
        "retrieval_quality",
        "Retrieval quality: nDCG@10 / recall@10",
        ["set", "BM25", "dense", "reciprocal rank (k 60)", "hybrid (shipped)"],
        rows,
        data=f"shared retrieval sets, every judged question: {', '.join(counts)}",
        notes=[
            f"Encoder {DEFAULT_MODEL}, {getattr(embedder, 'backend', options.dtype)}; BM25 over stems, k1 1.2, b 0.75; "
            f"{DEPTH} candidates from each side.",
            "hybrid = cosine + 0.3 × BM25 / best BM25 of the query; the weight was fixed before any of these questions "
            "was asked.",
        ],
        save=options.save,
    )


if __name__ == "__main__":
    main()
