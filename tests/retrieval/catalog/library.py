"""A catalog with short hands for what most tests do."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from retrieval.catalog import Catalog, Claim
from retrieval.types import Attributes, Caller, ChunkDraft, Document, ParsedDocument, StoredFile

OPERATOR = Caller(reads_all=True)
OWNER = "key:owner"
MODEL = "model-a"
DIMENSION = 8


class Clock:
    """A clock that stands until told otherwise."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Library:
    """A catalog and the moves of its users."""

    def __init__(self, home: Path, **options: object) -> None:
        self.home = home
        self.monotonic = Clock()
        self.catalog = Catalog.open(home, monotonic=self.monotonic, **options)  # type: ignore[arg-type]

    def upload(self, text: str, filename: str = "a.txt", owner: str = OWNER) -> StoredFile:
        staged = self.catalog.stage_upload()
        staged.write_text(text)
        return self.catalog.add_file(staged, filename=filename, purpose="assistants", owner=owner)

    def collection(self, collection_id: str = "c", readers: frozenset[str] = frozenset({"*"})) -> str:
        made = self.catalog.create_collection(
            collection_id, embedding_model=MODEL, collection_id=collection_id, readers=readers
        )
        return made.collection_id

    def attach(
        self, collection: str, text: str, filename: str = "a.txt", attributes: Attributes | None = None
    ) -> Document:
        file = self.upload(text, filename)
        return self.catalog.attach(OPERATOR, collection, file.file_id, attributes=attributes)

    def claim(self, worker: str = "w", lease_s: float = 10) -> Claim:
        (claim,) = self.catalog.claim(worker, lease_s=lease_s)
        return claim

    def finish(self, claim: Claim, title: str = "") -> None:
        text = claim.blob.read_text()
        chunks = words(text)
        self.catalog.complete(claim, ParsedDocument(text, (), title), chunks, vectors(len(chunks)))

    def work(self) -> None:
        """Ingest everything that waits."""
        while claims := self.catalog.claim("w", lease_s=10):
            for claim in claims:
                self.finish(claim)

    def add(
        self, collection: str, text: str, filename: str = "a.txt", attributes: Attributes | None = None
    ) -> Document:
        document = self.attach(collection, text, filename, attributes)
        self.work()
        return self.catalog.document(OPERATOR, collection, document.document_id)

    def searchable(self, collection: str, caller: Caller = OPERATOR) -> dict[str, list[str]]:
        """Give what an index that starts now would show this caller: chunk texts by document."""
        rows = self.catalog.changes(collection, 0).added
        shown: dict[str, list[str]] = {}
        for _, passage in sorted(self.catalog.passages(caller, rows).items()):
            shown.setdefault(passage.document_id, []).append(passage.text)
        return shown


def words(text: str) -> list[ChunkDraft]:
    """Cut a text into its words."""
    chunks, start = [], 0
    for word in text.split(" "):
        chunks.append(ChunkDraft(word, start, start + len(word), ("Part", "Word"), 1, 2))
        start += len(word) + 1
    return chunks


def vectors(count: int, dimension: int = DIMENSION) -> np.ndarray:
    """Give distinct vectors."""
    return np.arange(count * dimension, dtype=np.float32).reshape(count, dimension)
