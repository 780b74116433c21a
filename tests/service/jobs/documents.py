"""Documents for tests of background work."""

from __future__ import annotations

from retrieval.catalog import Catalog
from retrieval.types import Caller, Document

OPERATOR = Caller(reads_all=True)
COLLECTION = "vs_test"


def upload(catalog: Catalog, filename: str, content: bytes, *, embedding_model: str = "hashing") -> Document:
    """Put a file into the test collection, which is made if need be; it is queued when this returns."""
    if catalog.find_collection(OPERATOR, COLLECTION) is None:
        catalog.create_collection("test", embedding_model=embedding_model, collection_id=COLLECTION)
    staged = catalog.stage_upload()
    staged.write_bytes(content)
    file = catalog.add_file(staged, filename=filename, purpose="assistants", owner="key:test")
    return catalog.attach(OPERATOR, COLLECTION, file.file_id)
