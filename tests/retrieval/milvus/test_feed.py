"""Feeding Milvus: idempotent, caught up after a crash at any step, begun again when the server lost what it held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from retrieval.embed import QueryEncoder
from retrieval.errors import IndexUnavailable
from retrieval.index.dense import Selection
from retrieval.index.local import LocalIndex
from retrieval.milvus import MilvusIndex, MilvusStore
from retrieval.milvus.generation import read_parts
from retrieval.milvus.store import Rowed, Space
from retrieval.search import Searcher
from tests.retrieval.backends import milvus_options, milvus_store, release
from tests.retrieval.library import OPERATOR, Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Give a catalog with one collection."""
    made = Library(tmp_path)
    made.collection("c")
    yield made
    made.catalog.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MilvusStore]:
    """Give an empty Milvus."""
    with milvus_store(tmp_path) as made:
        yield made


class Killed(BaseException):
    """Stands for the end of the process."""


def die(*arguments: object, **options: object) -> None:
    """End here."""
    raise Killed


def second_dies(real: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function that works once."""
    calls = iter((real, die))
    return lambda *arguments: next(calls)(*arguments)


def index_of(library: Library, store: MilvusStore) -> MilvusIndex:
    """Give the backend."""
    return MilvusIndex(library.indexes, store, verify_s=0.0)


def found(library: Library, index: MilvusIndex, query: str = "alpha") -> list[str]:
    """Search with nothing in memory, as a new process does."""
    encoder = QueryEncoder(library.embedder)
    with Searcher(library.catalog, library.indexes, lambda _m: encoder, opener=index.open) as searcher:
        texts = sorted(p.text for p in searcher.search(OPERATOR, query, k=100, mode="dense"))
    encoder.close()
    return texts


def held(library: Library, store: MilvusStore) -> int:
    """Count what Milvus has of the newest feeding, whether a generation knows it or not."""
    (folder,) = [p for p in (library.indexes / "c").glob("gen-*") if p.name == current(library)]
    info, _, _, feeding = read_parts(folder)
    return store.count(Space(info.embedding_model, info.dimension), "c", feeding.number)


def current(library: Library) -> str:
    """Give the name of the newest generation."""
    return max(path.name for path in (library.indexes / "c").glob("gen-*"))


def due(library: Library, index: MilvusIndex) -> bool:
    """Tell whether a feeding is due, with nothing else to do."""
    (collection,) = library.catalog.all_collections()
    return index.needs_build(library.catalog, collection, idle=True)


@pytest.mark.parametrize("step", ["upsert", "count", "publish_generation", "delete_rows"])
def test_a_crash_at_any_step_is_caught_up(
    library: Library, store: MilvusStore, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    index = index_of(library, store)
    kept, gone = library.add("c", [f"alpha {n}" for n in range(20)]), library.add("c", ["alpha gone"])
    index.build(library.catalog, "c")
    passing = library.add("c", ["alpha passing"])
    library.add("c", ["alpha added"])
    library.remove("c", gone)

    with monkeypatch.context() as patched:
        if step == "publish_generation":
            patched.setattr("retrieval.milvus.feed.publish_generation", die)
        elif step == "delete_rows":  # the one after publishing
            patched.setattr(store, "delete_rows", second_dies(store.delete_rows))
        elif step == "count":  # the one after writing
            patched.setattr(store, "count", second_dies(store.count))
        else:
            patched.setattr(store, "upsert", die)
        with pytest.raises(Killed):
            index.build(library.catalog, "c")
    library.remove("c", passing)  # written into Milvus before the crash, and never seen by a generation
    assert "alpha passing" not in found(library, index)
    index.build(library.catalog, "c")
    expected = sorted([*(f"alpha {n}" for n in range(20)), "alpha added"])
    assert found(library, index) == expected
    assert held(library, store) == len(expected)
    assert not due(library, index)
    assert kept in {p.document_id for p in library.catalog.spans("c")}


def test_feeding_again_changes_nothing(library: Library, store: MilvusStore) -> None:
    index = index_of(library, store)
    library.add("c", ["alpha one", "alpha two"])
    for _ in range(3):
        assert index.build(library.catalog, "c") == 2
    assert held(library, store) == 2
    assert found(library, index) == ["alpha one", "alpha two"]


def test_small_changes_write_only_themselves(
    library: Library, store: MilvusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = index_of(library, store)
    library.add("c", [f"alpha {n}" for n in range(40)])
    index.build(library.catalog, "c")
    library.add("c", ["alpha more"])
    written: list[int] = []
    real = store.upsert

    def upsert(space: Space, collection_id: str, feeding: int, rows: Sequence[Rowed]) -> None:
        written.append(len(rows))
        real(space, collection_id, feeding, rows)

    monkeypatch.setattr(store, "upsert", upsert)
    index.build(library.catalog, "c")
    assert sum(written) == 1


def test_a_server_that_was_emptied_is_fed_again(library: Library, store: MilvusStore) -> None:
    index = index_of(library, store)
    library.add("c", ["alpha one", "alpha two"])
    index.build(library.catalog, "c")
    assert not due(library, index)
    with store._asking() as client:
        for name in client.list_collections():
            client.drop_collection(name)
    with pytest.raises(IndexUnavailable):
        found(library, index)
    assert due(library, index)
    index.build(library.catalog, "c")
    assert found(library, index) == ["alpha one", "alpha two"]
    assert not due(library, index)


def test_chunks_that_milvus_lost_are_fed_again(library: Library, store: MilvusStore) -> None:
    index = index_of(library, store)
    library.add("c", [f"alpha {n}" for n in range(10)])
    index.build(library.catalog, "c")
    with store._asking() as client:
        for name in client.list_collections():
            client.delete(name, filter="row < 5")
    assert due(library, index)
    index.build(library.catalog, "c")
    assert len(found(library, index)) == 10


def test_what_was_fed_outlives_the_server(library: Library, tmp_path: Path) -> None:
    library.add("c", ["alpha one", "alpha two"])
    for turn in range(2):
        with milvus_store(tmp_path) as store:
            index = index_of(library, store)
            if not turn:
                index.build(library.catalog, "c")
            assert not due(library, index)
            assert found(library, index) == ["alpha one", "alpha two"]


def test_a_server_that_is_away_is_named_and_comes_back(library: Library, tmp_path: Path) -> None:
    options = milvus_options(tmp_path)
    if not options.uri.endswith(".db"):
        pytest.skip("only a server of our own can be stopped")
    library.add("c", ["alpha one"])
    store = MilvusStore(options)
    index = index_of(library, store)
    index.build(library.catalog, "c")
    away = MilvusIndex(library.indexes, MilvusStore(type(options)("http://127.0.0.1:9", timeout_s=1.0)))
    with pytest.raises(IndexUnavailable, match="Milvus"):
        found(library, away)
    assert found(library, index) == ["alpha one"]
    store.close()
    release(options)


def test_going_over_from_the_local_index_and_back(library: Library, store: MilvusStore) -> None:
    library.add("c", ["alpha one", "alpha two"])
    local, milvus = LocalIndex(library.indexes), index_of(library, store)
    local.build(library.catalog, "c")
    assert found(library, milvus) == ["alpha one", "alpha two"]  # from the disk, until it is fed
    assert due(library, milvus)
    milvus.build(library.catalog, "c")
    assert found(library, milvus) == ["alpha one", "alpha two"]
    (collection,) = library.catalog.all_collections()
    assert local.needs_build(library.catalog, collection)
    encoder = QueryEncoder(library.embedder)
    with Searcher(library.catalog, library.indexes, lambda _m: encoder) as searcher:
        assert len(searcher.search(OPERATOR, "alpha")) == 2  # from the catalog, until it is built
    encoder.close()
    local.build(library.catalog, "c")
    assert not local.needs_build(library.catalog, collection)


def test_a_selective_mask_over_many_rows_is_exact(
    library: Library, store: MilvusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every limit made small: what is allowed is found although all that is not ranks above it."""
    monkeypatch.setattr("retrieval.milvus.generation.ROWS_IN_FILTER", 7)
    monkeypatch.setattr("retrieval.milvus.generation.MOST_HITS", 16)
    index = index_of(library, store)
    for n in range(60):
        library.add("c", ["alpha " * (1 + n % 3)])
    last = [library.add("c", ["bravo words"]) for _ in range(12)]
    index.build(library.catalog, "c")
    (folder,) = [p for p in (library.indexes / "c").glob("gen-*") if p.name == current(library)]
    generation = index.open(folder)
    mask = generation.rows > 60
    (vector,) = library.embedder.encode(["alpha"], kind="query")
    hits = generation.dense.search(vector, 12, Selection.of(mask))
    assert sorted(hits.rows.tolist()) == list(range(61, 73))
    assert len(last) == 12
