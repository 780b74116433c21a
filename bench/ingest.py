"""Ingestion in chunks per second, against the bare encoder on the same texts and against txtai.

    python -m bench.ingest --peer-python /path/to/txtai-venv/bin/python [--save]

Ours is the whole way: file, limited parser process, chunks, vectors, durable commit. The bare encoder gets the finished
chunk texts in one call, in its fastest arithmetic here. txtai gets the same chunk texts through its library, hybrid,
content stored.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path

from bench.corpus import passages
from bench.fill import OPERATOR, ingest, upload
from bench.report import CACHE, arguments, report
from retrieval.catalog import Catalog
from retrieval.embed import DEFAULT_MODEL, load_embedder
from retrieval.embed.weights import packaged_minilm

PEER = """
import json, sys, time
from txtai import Embeddings
texts = json.load(open(sys.argv[1]))
embeddings = Embeddings(path=sys.argv[2], hybrid=True, content=True)
embeddings.batchtransform(texts[:64])
started = time.perf_counter()
embeddings.index(enumerate(texts))
print(time.perf_counter() - started)
"""


def main() -> None:
    """Ingest, encode bare, and let the peer index; print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--passages", type=int, default=1500, help="files of one passage each")
    parser.add_argument("--long", type=int, default=30, help="files of fifty passages each")
    parser.add_argument("--peer-python", type=Path)
    options = parser.parse_args()
    corpus = passages(options.passages + 50 * options.long)
    files = corpus[: options.passages]
    for at in range(options.passages, len(corpus), 50):
        files.append((corpus[at][0], "\n\n".join(text for _, text in corpus[at : at + 50])))
    embedder = load_embedder(DEFAULT_MODEL, cache_dir=CACHE)
    embedder.encode([text for _, text in corpus[:256]])
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog.open(Path(folder))
        collection = upload(catalog, "bench", files)
        started = time.perf_counter()
        ingest(catalog, embedder)
        ours_s = time.perf_counter() - started
        texts = []
        after = None
        while True:
            page = catalog.documents(OPERATOR, collection, limit=100, after=after, order="asc")
            for document in page.items:
                texts.extend(
                    "\n".join((" > ".join((document.title, *chunk.heading_path)), chunk.text))
                    for chunk in catalog.chunks(OPERATOR, collection, document.document_id)
                )
            if not page.has_more:
                break
            after = page.items[-1].document_id
        catalog.close()
        started = time.perf_counter()
        embedder.encode(texts)
        bare_s = time.perf_counter() - started
        count = len(texts)
        rows = [
            ["bare encoder, fastest arithmetic", f"{count / bare_s:.0f}", "1"],
            [
                "Groundloop, files to durable vectors",
                f"{count / ours_s:.0f}",
                f"{bare_s / ours_s:.2f} × the bare encoder",
            ],
        ]
        if options.peer_python:
            listing = Path(folder) / "texts.json"
            listing.write_text(json.dumps(texts))
            done = subprocess.run(
                [str(options.peer_python), "-c", PEER, str(listing), str(packaged_minilm())],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            peer_s = float(done.stdout.strip().splitlines()[-1])
            rows.append(
                ["txtai, texts to hybrid index", f"{count / peer_s:.0f}", f"Groundloop is {peer_s / ours_s:.1f} × this"]
            )
    report(
        "ingest",
        f"Ingestion of {len(files)} files, {count} chunks",
        ["system", "chunks/s", "ratio"],
        rows,
        data="passages of the retrieval sets and COVID-QA articles in pieces, as Markdown files",
        save=options.save,
    )


if __name__ == "__main__":
    main()
