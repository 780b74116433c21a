"""Search as its callers know it: fusion, access, filters, immediate visibility, refusals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from retrieval.embed import Embedder, QueryEncoder
from retrieval.errors import CollectionNotFound, InvalidInput
from retrieval.filters import parse_filter
from retrieval.fuse import fuse
from retrieval.index.build import build_generation
from retrieval.search import Searcher
from retrieval.types import Caller
from tests.retrieval.library import OPERATOR, Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Give an empty catalog."""
    made = Library(tmp_path)
    yield made
    made.catalog.close()


@pytest.fixture
def searcher(library: Library) -> Iterator[Searcher]:
    """Give a searcher over the library."""
    encoder = QueryEncoder(library.embedder)
    with Searcher(library.catalog, library.indexes, lambda _model: encoder) as made:
        yield made
    encoder.close()


def test_fusion_is_cosine_plus_share_of_the_best_bm25() -> None:
    cosines, words = np.array([0.5, 0.2, 0.9], np.float32), np.array([4.0, 8.0, 0.0], np.float32)
    np.testing.assert_allclose(fuse(cosines, words, 8.0), [0.65, 0.5, 0.9], rtol=1e-6)
    np.testing.assert_allclose(fuse(cosines, np.zeros(3, np.float32), 0.0), cosines)


def test_passages_carry_everything_and_both_scores(library: Library, searcher: Searcher) -> None:
    library.collection("c")
    document = library.add(
        "c", ["apples and pears", "cars"], title="Fruit", attributes={"url": "https://example.org/f", "year": 2020.0}
    )
    first = searcher.search(OPERATOR, "pear", k=1)[0]
    assert (first.text, first.title, first.document_id, first.collection_id) == (
        "apples and pears",
        "Fruit",
        document,
        "c",
    )
    assert first.url == "https://example.org/f"
    assert library.catalog.document_text(OPERATOR, "c", document)[first.start : first.end] == first.text
    assert first.lexical_score > 0  # "pear" finds "pears": stems
    assert first.score == pytest.approx(first.dense_score + 0.3, abs=1e-5)


def test_modes_use_one_side(library: Library, searcher: Searcher) -> None:
    library.collection("c")
    library.add("c", ["red fox", "blue whale", "green frog"])
    lexical = searcher.search(OPERATOR, "whale", mode="lexical")
    assert [(p.text, p.dense_score) for p in lexical] == [("blue whale", 0.0)]
    dense = searcher.search(OPERATOR, "whale", mode="dense")
    assert len(dense) == 3
    assert all(p.lexical_score == 0 and p.score == p.dense_score for p in dense)


def test_best_bm25_is_taken_over_all_collections(library: Library, searcher: Searcher) -> None:
    for name in ("strong", "weak"):
        library.collection(name)
    library.add("strong", ["volcano volcano volcano", *(f"filler {n}" for n in range(20))])
    library.add(
        "weak", ["a long text in which the volcano is one word among very many others", "volcano b", "volcano c"]
    )
    passages = searcher.search(OPERATOR, "volcano", k=30)
    gains = [p.score - p.dense_score for p in passages]
    assert max(gains) == pytest.approx(0.3, abs=1e-5)
    assert sum(gain > 0.299 for gain in gains) == 1


def test_only_readable_collections_are_searched(library: Library, searcher: Searcher) -> None:
    library.collection("open")
    library.collection("closed", readers=frozenset({"group:hr"}))
    library.add("open", ["salary table of the open kind"])
    library.add("closed", ["salary table of the secret kind"])
    anyone, hr = Caller(), Caller(frozenset({"*", "group:hr"}))
    assert [p.collection_id for p in searcher.search(anyone, "salary")] == ["open"]
    assert {p.collection_id for p in searcher.search(hr, "salary")} == {"open", "closed"}
    with pytest.raises(CollectionNotFound):
        searcher.search(anyone, "salary", collections=["open", "closed"])
    with pytest.raises(CollectionNotFound):
        searcher.search(anyone, "salary", collections=["nowhere"])
    assert searcher.search(anyone, "salary", collections=[]) == []


def test_access_taken_away_works_at_once(library: Library, searcher: Searcher) -> None:
    library.collection("c")
    library.add("c", ["something to read"])
    assert searcher.search(Caller(), "read")
    library.catalog.update_collection(OPERATOR, "c", readers=frozenset({"group:hr"}))
    assert searcher.search(Caller(), "read") == []


def test_changes_are_seen_at_once_with_and_without_a_generation(library: Library, searcher: Searcher) -> None:
    library.collection("c")
    for build in (False, True):
        if build:
            build_generation(library.catalog, "c", library.indexes)
        before = {p.text for p in searcher.search(OPERATOR, "kiwi", k=100)}
        document = library.add("c", [f"kiwi {build}"])
        assert searcher.search(OPERATOR, f"kiwi {build}", k=1)[0].document_id == document
        library.remove("c", document)
        assert {p.text for p in searcher.search(OPERATOR, "kiwi", k=100)} == before
        library.add("c", [f"stays {build}"])


def test_changed_attributes_are_seen_at_once(library: Library, searcher: Searcher) -> None:
    library.collection("c")
    document = library.add("c", ["a plum"], attributes={"state": "draft"})
    draft = parse_filter({"type": "eq", "key": "state", "value": "draft"})
    assert searcher.search(OPERATOR, "plum", filters=draft)
    library.catalog.update_attributes(OPERATOR, "c", document, {"state": "final"})
    assert searcher.search(OPERATOR, "plum", filters=draft) == []
    assert searcher.search(OPERATOR, "plum")[0].attributes == {"state": "final"}


def test_a_selective_filter_loses_nothing(library: Library, searcher: Searcher) -> None:
    """The only match of a filter is found although everything else ranks above it."""
    library.collection("c")
    for n in range(150):
        library.add("c", [f"tomato soup {n}"], attributes={"n": n})
    library.add("c", ["unrelated words entirely"], attributes={"n": 1000})
    one = parse_filter({"type": "eq", "key": "n", "value": 1000})
    for build in (False, True):
        if build:
            build_generation(library.catalog, "c", library.indexes)
        assert [p.text for p in searcher.search(OPERATOR, "tomato soup", filters=one)] == ["unrelated words entirely"]


def test_a_published_generation_is_taken_over(library: Library, searcher: Searcher) -> None:
    library.collection("c")
    library.add("c", ["first", "second"])
    assert searcher.status()[0].generation is None
    build_generation(library.catalog, "c", library.indexes)
    searcher.search(OPERATOR, "first")
    deadline = time.monotonic() + 10
    while searcher.status()[0].generation != "gen-000001" and time.monotonic() < deadline:
        time.sleep(0.01)
    (status,) = searcher.status()
    assert (status.generation, status.kind, status.vectors, status.delta) == ("gen-000001", "flat", 2, 0)
    assert searcher.search(OPERATOR, "second", k=1)[0].text == "second"


def test_a_collection_made_anew_under_the_same_id_is_empty(library: Library, searcher: Searcher) -> None:
    library.collection("c")
    library.add("c", ["old secret"])
    build_generation(library.catalog, "c", library.indexes)
    searcher.warm()
    library.catalog.delete_collection(OPERATOR, "c")
    library.collection("c")
    assert searcher.search(OPERATOR, "old secret") == []
    library.add("c", ["new"])
    assert [p.text for p in searcher.search(OPERATOR, "old secret")] == ["new"]


def test_asearch_answers_the_same(library: Library, searcher: Searcher) -> None:
    library.collection("c")
    library.add("c", [f"text number {n}" for n in range(30)])

    async def many() -> list[list[str]]:
        found = await asyncio.gather(*(searcher.asearch(OPERATOR, f"number {n}", k=5) for n in range(30)))
        return [[p.chunk_id for p in passages] for passages in found]

    assert asyncio.run(many()) == [
        [p.chunk_id for p in searcher.search(OPERATOR, f"number {n}", k=5)] for n in range(30)
    ]


@pytest.mark.parametrize(
    ("query", "options", "param"),
    [
        ("", {}, "query"),
        ("  \n", {}, "query"),
        ("x" * 8_001, {}, "query"),
        ("x", {"k": 0}, "k"),
        ("x", {"k": -3}, "k"),
        ("x", {"k": 1_001}, "k"),
        ("x", {"mode": "fuzzy"}, "mode"),
    ],
)
def test_bad_input_is_refused(searcher: Searcher, query: str, options: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        searcher.search(OPERATOR, query, **options)  # type: ignore[arg-type]
    assert caught.value.param == param


def test_meaning_finds_what_words_do_not(tmp_path: Path, minilm: Embedder) -> None:
    library = Library(tmp_path, minilm)
    library.collection("c")
    library.add("c", ["The physician prescribed medication.", "The stock market fell.", "Snow covers the mountains."])
    encoder = QueryEncoder(minilm)
    with Searcher(library.catalog, library.indexes, lambda _model: encoder) as searcher:
        best = searcher.search(Caller(), "Which drug did my doctor give me?", k=1)[0]
    encoder.close()
    library.catalog.close()
    assert best.text == "The physician prescribed medication."
    assert best.dense_score > 0.2
