"""Put passages into a home the way the product does: upload, attach, ingest, build the index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.report import CACHE
from retrieval.catalog import Catalog
from retrieval.embed import DEFAULT_MODEL, Embedder, load_embedder
from retrieval.index.build import build_generation
from retrieval.ingest import Ingester, IngestOptions
from retrieval.parse import ParserSandbox
from retrieval.types import Caller

OPERATOR = Caller(reads_all=True)


def upload(catalog: Catalog, name: str, documents: Sequence[tuple[str, str]]) -> str:
    """Upload (title, text) documents as Markdown files and queue them; returns the collection's id."""
    collection = catalog.create_collection(name, embedding_model=DEFAULT_MODEL)
    for number, (title, text) in enumerate(documents):
        staged = catalog.stage_upload()
        staged.write_text(f"# {title}\n\n{text}\n" if title else f"{text}\n")
        file = catalog.add_file(staged, filename=f"{number:06d}.md", purpose="assistants", owner="key:bench")
        catalog.attach(OPERATOR, collection.collection_id, file.file_id, replace_same_name=False)
    return collection.collection_id


def ingest(catalog: Catalog, embedder: Embedder, options: IngestOptions | None = None) -> int:
    """Ingest everything that waits; returns the number of documents."""
    sandbox = ParserSandbox()
    try:
        return Ingester(catalog, sandbox, lambda _: embedder, options, worker="bench").drain(lambda: False)
    finally:
        sandbox.close()


def fill_home(home: Path, documents: Sequence[tuple[str, str]]) -> str:
    """Make a home that holds the documents, searchable; returns the collection's id."""
    catalog = Catalog.open(home)
    try:
        collection_id = upload(catalog, "bench", documents)
        ingest(catalog, load_embedder(DEFAULT_MODEL, cache_dir=CACHE))
        build_generation(catalog, collection_id, home / "indexes")
        return collection_id
    finally:
        catalog.close()
