"""When an index is built, what a build publishes, and what it leaves behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrieval.catalog import CollectionRef, Result
from retrieval.durable import open_current
from retrieval.errors import CollectionNotFound
from retrieval.index import build as build_module
from retrieval.index import dense as dense_module
from retrieval.index.build import build_generation, collection_folder, needs_build, published_info, remove_orphans
from retrieval.index.dense import DenseIndex, Selection, write_dense
from retrieval.index.store import request_rebuild
from retrieval.search import Searcher
from tests.retrieval.library import OPERATOR, Library
from tests.retrieval.words import random_texts

COLLECTION = "c"


def _wanted(library: Library, *, idle: bool) -> bool:
    (collection,) = library.catalog.all_collections()
    return needs_build(library.catalog, collection, library.indexes, idle=idle)


def test_an_empty_collection_publishes_nothing(library: Library) -> None:
    library.collection(COLLECTION)
    assert not _wanted(library, idle=True)
    assert build_generation(library.catalog, COLLECTION, library.indexes) == 0
    assert published_info(collection_folder(library.indexes, COLLECTION)) is None


def test_an_unknown_collection_is_refused(library: Library) -> None:
    with pytest.raises(CollectionNotFound):
        build_generation(library.catalog, "nowhere", library.indexes)


def test_small_drift_is_built_when_idle_and_large_drift_always(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_module, "_SMALL_DELTA", 20)
    library.collection(COLLECTION)
    document = library.add(COLLECTION, random_texts(10))
    assert (_wanted(library, idle=True), _wanted(library, idle=False)) == (True, False)
    build_generation(library.catalog, COLLECTION, library.indexes)
    assert (_wanted(library, idle=True), _wanted(library, idle=False)) == (False, False)
    library.add(COLLECTION, random_texts(15))
    assert (_wanted(library, idle=True), _wanted(library, idle=False)) == (True, False)
    library.remove(COLLECTION, document)
    assert _wanted(library, idle=False)


def test_a_large_index_waits_for_a_tenth(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_module, "_SMALL", 50)
    monkeypatch.setattr(build_module, "_LARGE_DELTA", 12)
    library.collection(COLLECTION)
    library.add(COLLECTION, random_texts(200))
    build_generation(library.catalog, COLLECTION, library.indexes)
    library.add(COLLECTION, random_texts(15))
    assert not _wanted(library, idle=True)  # above 12, below a tenth
    library.add(COLLECTION, random_texts(10))
    assert _wanted(library, idle=False)


def test_attributes_alone_ask_for_no_build(library: Library) -> None:
    library.collection(COLLECTION)
    document = library.add(COLLECTION, ["one"])
    build_generation(library.catalog, COLLECTION, library.indexes)
    library.catalog.update_attributes(OPERATOR, COLLECTION, document, {"a": "b"})
    assert not _wanted(library, idle=True)


def test_damage_found_by_a_reader_asks_for_a_build(library: Library) -> None:
    library.collection(COLLECTION)
    library.add(COLLECTION, ["one"])
    build_generation(library.catalog, COLLECTION, library.indexes)
    request_rebuild(collection_folder(library.indexes, COLLECTION), "a test")
    assert _wanted(library, idle=False)
    build_generation(library.catalog, COLLECTION, library.indexes)
    assert not _wanted(library, idle=False)


def test_two_generations_are_kept_and_removals_since_the_older(library: Library, searcher: Searcher) -> None:
    library.collection(COLLECTION)
    documents = [library.add(COLLECTION, [f"text {n}"]) for n in range(6)]
    folder = collection_folder(library.indexes, COLLECTION)
    for document in documents[:4]:
        library.remove(COLLECTION, document)
        build_generation(library.catalog, COLLECTION, library.indexes)
    assert sorted(path.name for path in folder.glob("gen-*")) == ["gen-000003", "gen-000004"]
    (folder / "gen-000004" / "dense.faiss").write_bytes(b"")  # the older one must still be able to follow
    assert {p.text for p in searcher.search(OPERATOR, "text", k=10)} == {"text 4", "text 5"}
    assert searcher.status()[0].generation == "gen-000003"


def test_indexes_of_deleted_collections_go(library: Library) -> None:
    for name in ("a", "b"):
        library.collection(name)
        library.add(name, ["one"])
        build_generation(library.catalog, name, library.indexes)
    library.catalog.delete_collection(OPERATOR, "a")
    assert remove_orphans(library.catalog, library.indexes) == 1
    assert [path.name for path in library.indexes.iterdir()] == ["b"]


def test_another_embedding_model_asks_for_a_build_and_the_old_index_is_not_used(
    library: Library, searcher: Searcher
) -> None:
    library.collection(COLLECTION)
    library.add(COLLECTION, ["one", "two"])
    build_generation(library.catalog, COLLECTION, library.indexes)
    searcher.warm()
    library.catalog.update_collection(OPERATOR, COLLECTION, embedding_model="other")
    for claim in library.catalog.claim("test", lease_s=60):
        chunks = library.catalog.claimed_chunks(claim)
        vectors = library.embedder.encode([chunk.text[::-1] for chunk in chunks])
        library.catalog.complete_many([Result(claim, None, (), vectors)])
    (collection,) = library.catalog.all_collections()
    assert collection.embedding_model == "other"
    assert searcher.status()[0].generation is None
    assert searcher.search(OPERATOR, "eno", mode="dense", k=1)[0].text == "one"
    assert _wanted(library, idle=True)
    build_generation(library.catalog, COLLECTION, library.indexes)
    info = published_info(collection_folder(library.indexes, COLLECTION))
    assert info is not None
    assert info.embedding_model == "other"


def test_recall_of_the_approximate_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense_module, "FLAT_LIMIT", 1_000)
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(40, 32))
    vectors = (centres[rng.integers(0, 40, 4_000)] + 0.5 * rng.normal(size=(4_000, 32))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = np.arange(10, 4_010)
    kind = write_dense(tmp_path, vectors)
    index = DenseIndex(tmp_path, kind, rows, 32)
    assert kind.kind == "ivf_sq8"
    mask = rng.random(4_000) < 0.3
    monkeypatch.setattr(dense_module, "_EXACT_BELOW", 0)  # let the inverted file do the filtering
    for selection in (None, Selection.of(mask)):
        allowed = np.ones(4_000, bool) if selection is None else mask
        found = 0
        for query in vectors[:100]:
            noisy = query + 0.1 * rng.normal(size=32).astype(np.float32)
            noisy /= np.linalg.norm(noisy)
            exact = rows[allowed][np.argsort(-(vectors[allowed] @ noisy))[:10]]
            hits = index.search(noisy, 10, selection).rows
            assert mask[hits - 10].all() or selection is None
            found += len(set(hits.tolist()) & set(exact.tolist()))
        assert found / 1_000 >= 0.97


def test_the_reference_is_compared_by_sequence(library: Library) -> None:
    library.collection(COLLECTION)
    library.add(COLLECTION, ["one"])
    build_generation(library.catalog, COLLECTION, library.indexes)
    published = open_current(collection_folder(library.indexes, COLLECTION))
    assert published is not None
    seq = library.catalog.collection_seq(COLLECTION)
    assert not needs_build(
        library.catalog, CollectionRef(COLLECTION, COLLECTION, "hashing", seq), library.indexes, idle=True
    )
