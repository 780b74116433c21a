"""Chat over HTTP at 8 clients against the embedded policy, over a collection of 100,000 chunks.

    python -m bench.chat_latency [--chunks 100000] [--save]

The collection holds real passages with their real vectors, which the questions are about, and for the rest passages put
together from sentences of the same texts, with vectors put together from theirs: embedding those would take an hour and
change neither the size of the index nor the work of a search. Every answer is recorded durably before it is returned.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.corpus import passages, questions
from bench.fill import OPERATOR
from bench.load import LoadResult, drive, json_request
from bench.report import CACHE, arguments, percentile, report
from bench.serving import serve
from retrieval.catalog import Catalog
from retrieval.embed import DEFAULT_MODEL, load_embedder
from retrieval.index.build import build_generation
from retrieval.types import Block, ChunkDraft, ParsedDocument

CLIENTS = 8
CHUNKS_PER_DOCUMENT = 500
SENTENCES_PER_CHUNK = 5
Text = tuple[str, str]


def main() -> None:
    """Fill a home, serve it, drive it whole and streamed, print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--real", type=int, default=6_364, help="passages that are really embedded")
    parser.add_argument("--requests", type=int, default=1_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill(home, options.chunks, options.real)
        with serve(home) as served:
            idle = served.rss_bytes()

            def asked(count: int, *, stream: bool) -> LoadResult:
                requests = [
                    json_request(
                        "POST",
                        "/v1/chat/completions",
                        {"messages": [{"role": "user", "content": question}], "stream": stream},
                        served.key,
                    )
                    for question in questions(count)
                ]
                return drive(served.host, served.port, requests, clients=CLIENTS)

            asked(200, stream=False)  # the policy's caches and the page cache are what they are in use
            rows = [
                _row("whole", asked(options.requests, stream=False)),
                _row("streamed, to the last byte", asked(options.requests, stream=True)),
            ]
            used = served.rss_bytes()
    report(
        "chat_latency",
        f"Chat with the embedded policy, {CLIENTS} clients, {options.chunks:,} chunks",
        ["answer", "p50 ms", "p95 ms", "p99 ms", "answers/s", "other statuses"],
        rows,
        data=f"questions and {options.real:,} passages of the retrieval sets; the other chunks are composed of them",
        notes=[
            f"Resident memory of the API process: {idle / 2**20:.0f} MiB loaded, {used / 2**20:.0f} MiB afterwards."
        ],
        save=options.save,
    )


def fill(home: Path, chunks: int, embedded: int) -> None:
    """Put the chunks into a new home and publish their index."""
    rng = random.Random(0)
    real = passages(min(embedded, chunks))
    embedder = load_embedder(DEFAULT_MODEL, cache_dir=CACHE)
    vectors = embedder.encode([f"{title}\n{text}" for title, text in real])  # (real, d)
    extra = chunks - len(real)
    texts = [*real, *_composed(real, extra, rng)]
    vectors = np.concatenate([vectors, _mixed(vectors, extra)])
    catalog = Catalog.open(home)
    try:
        collection = catalog.create_collection("bench", embedding_model=DEFAULT_MODEL).collection_id
        for at in range(0, chunks, CHUNKS_PER_DOCUMENT):
            part = slice(at, at + CHUNKS_PER_DOCUMENT)
            _add(catalog, collection, f"{at:06d}.md", texts[part], vectors[part])
        build_generation(catalog, collection, home / "indexes")
    finally:
        catalog.close()


def _add(catalog: Catalog, collection: str, filename: str, texts: Sequence[Text], vectors: np.ndarray) -> None:
    pieces = [f"{title}\n{text}" if title else text for title, text in texts]
    starts = np.cumsum([0, *(len(piece) + 2 for piece in pieces)])
    spans = [(int(start), int(start) + len(piece)) for start, piece in zip(starts, pieces, strict=False)]
    document = ParsedDocument(
        text="\n\n".join(pieces), blocks=tuple(Block("paragraph", start, end) for start, end in spans), title=filename
    )
    drafts = [ChunkDraft(piece, start, end) for piece, (start, end) in zip(pieces, spans, strict=True)]
    staged = catalog.stage_upload()
    staged.write_text(document.text)
    file = catalog.add_file(staged, filename=filename, purpose="assistants", owner="key:bench")
    catalog.attach(OPERATOR, collection, file.file_id)
    [claim] = catalog.claim("bench", lease_s=600)
    catalog.complete(claim, document, drafts, vectors)


def _composed(real: Sequence[Text], count: int, rng: random.Random) -> list[Text]:
    """Make passages of random sentences of the real ones."""
    sentences = [sentence for _, text in real for sentence in text.split(". ") if len(sentence) > 20]
    return [("", ". ".join(rng.choices(sentences, k=SENTENCES_PER_CHUNK))) for _ in range(count)]


def _mixed(vectors: np.ndarray, count: int) -> np.ndarray:
    """Make unit vectors (count, d) between random pairs of the real ones, with noise."""
    rng = np.random.default_rng(0)
    first, second = rng.integers(len(vectors), size=(2, count))
    noise = rng.standard_normal((count, vectors.shape[1])) / np.sqrt(vectors.shape[1])
    mixed = vectors[first] + vectors[second] + noise
    unit: np.ndarray = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)
    return unit


def _row(name: str, result: LoadResult) -> list[object]:
    latencies = [value * 1000 for value in result.latencies_s]
    others = {status: n for status, n in result.statuses.items() if status != 200}
    figures = [f"{percentile(latencies, q):.0f}" for q in (50, 95, 99)]
    return [name, *figures, f"{result.per_second:.0f}", others or "none"]


if __name__ == "__main__":
    main()
