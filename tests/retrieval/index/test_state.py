"""One contract for every shape an index can have, against an oracle that compares everything with everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from retrieval.errors import InvalidInput
from retrieval.index import dense as dense_module
from retrieval.index.base import Index
from retrieval.index.build import build_generation, collection_folder
from retrieval.index.follower import Follower
from retrieval.index.hits import Hits, Spans
from tests.retrieval import oracle
from tests.retrieval.library import Library
from tests.retrieval.words import random_queries, random_texts

COLLECTION = "c"
Made = tuple[Library, Index]


def _state(library: Library) -> Index:
    (collection,) = library.catalog.all_collections()
    folder = collection_folder(library.indexes, COLLECTION)
    with ThreadPoolExecutor(1) as background:
        return Follower(library.catalog, COLLECTION, folder, background).state(collection)


def _fill(library: Library, count: int, seed: int) -> list[str]:
    texts = random_texts(count, seed, words=(5, 36))  # lengths to 40 are kept exactly, as the oracle has them
    return [library.add(COLLECTION, texts[i : i + 5], title=f"part {i}") for i in range(0, count, 5)]


def _only_delta(library: Library) -> None:
    _fill(library, 200, 1)


def _only_generation(library: Library) -> None:
    _fill(library, 200, 1)
    build_generation(library.catalog, COLLECTION, library.indexes)


def _both_with_removals(library: Library) -> None:
    first = _fill(library, 200, 1)
    build_generation(library.catalog, COLLECTION, library.indexes)
    second = _fill(library, 60, 2)
    for document in (first[3], first[20], second[1]):
        library.remove(COLLECTION, document)


def _approximate_with_removals(library: Library) -> None:
    _both_with_removals(library)


SHAPES: dict[str, Callable[[Library], None]] = {
    "delta": _only_delta,
    "generation": _only_generation,
    "both": _both_with_removals,
    "approximate": _approximate_with_removals,
}


@pytest.fixture(scope="module", params=SHAPES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Give each shape of index in turn, with the library it was made of; nothing here changes it."""
    library = Library(tmp_path_factory.mktemp(request.param))
    library.collection(COLLECTION)
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "approximate":
            patched.setattr(dense_module, "FLAT_LIMIT", 100)
        SHAPES[request.param](library)
    yield library, _state(library)
    library.catalog.close()


def _agrees(hits: Hits, expected: dict[int, float], k: int, tolerance: float) -> None:
    assert len(hits.rows) == min(k, len(expected))
    assert len(set(hits.rows.tolist())) == len(hits.rows)
    assert (np.diff(hits.scores) <= 0).all()
    np.testing.assert_allclose(hits.scores, oracle.top(expected, k), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(
        hits.scores, [expected[row] for row in hits.rows.tolist()], rtol=tolerance, atol=tolerance
    )


class TestContract:
    def test_size_is_what_is_alive(self, made: Made) -> None:
        library, index = made
        assert index.size == len(library.texts(COLLECTION))
        assert index.seq == library.catalog.collection_seq(COLLECTION)

    def test_dense_equals_comparing_everything(self, made: Made) -> None:
        library, index = made
        vectors = library.vectors(COLLECTION)
        for query in random_queries(20):
            vector = library.embedder.encode([query])[0]
            _agrees(index.dense(vector, 10), oracle.dense(vectors, vector), 10, 5e-3)

    def test_lexical_equals_the_formula(self, made: Made) -> None:
        library, index = made
        texts = library.texts(COLLECTION)
        # Removed chunks still count in the statistics until the next build, hence the tolerance.
        tolerance = 1e-3 if index.size == 200 else 0.08
        for query in random_queries(20):
            expected = oracle.bm25(texts, query)
            hits = index.lexical(query, 10)
            assert len(hits.rows) == min(10, len(expected))
            np.testing.assert_allclose(hits.scores, oracle.top(expected, 10), rtol=tolerance)

    def test_filters_leave_exactly_the_allowed_rows(self, made: Made) -> None:
        library, index = made
        rows = sorted(library.texts(COLLECTION))
        for allowed in (rows[:1], rows[10:40], rows[::7], rows[-3:], []):
            within = Spans.of([(row, row + 1) for row in allowed])
            texts = {row: text for row, text in library.texts(COLLECTION).items() if row in set(allowed)}
            query = random_queries(1, seed=len(allowed))[0]
            vector = library.embedder.encode([query])[0]
            assert sorted(index.dense(vector, 1000, within).rows.tolist()) == allowed
            found = index.lexical(query, 1000, within).rows.tolist()
            assert sorted(found) == sorted(oracle.bm25(texts, query))

    def test_cosines_of_any_rows(self, made: Made) -> None:
        library, index = made
        vectors = library.vectors(COLLECTION)
        rows = np.array([*sorted(vectors)[::3], 10**9], dtype=np.int64)
        vector = library.embedder.encode(["band bark"])[0]
        expected = [float(vectors[row] @ vector) if row in vectors else 0.0 for row in rows.tolist()]
        np.testing.assert_allclose(index.cosines(rows, vector), expected, atol=5e-3)

    def test_more_than_there_is_gives_all_that_is(self, made: Made) -> None:
        library, index = made
        vector = library.embedder.encode(["band"])[0]
        assert sorted(index.dense(vector, 100_000).rows.tolist()) == sorted(library.texts(COLLECTION))

    def test_nothing_is_asked_for(self, made: Made) -> None:
        library, index = made
        vector = library.embedder.encode(["band"])[0]
        for k in (0, -1):
            assert not len(index.dense(vector, k).rows)
            assert not len(index.lexical("band", k).rows)

    def test_words_that_are_nowhere(self, made: Made) -> None:
        _, index = made
        for query in ("zzzzzz", "", "!?", "\N{CJK UNIFIED IDEOGRAPH-4E00}" * 400):
            assert not len(index.lexical(query, 10).rows)

    @pytest.mark.parametrize("bad", [np.ones(63), np.ones((1, 64)), np.full(64, np.nan), np.full(64, np.inf)])
    def test_bad_vectors_are_refused(self, made: Made, bad: np.ndarray) -> None:
        with pytest.raises(InvalidInput, match="query vector"):
            made[1].dense(bad.astype(np.float32), 10)


def test_delta_and_generation_score_alike(library: Library) -> None:
    """A chunk gets the same BM25 wherever it lives, or a build would reorder results."""
    library.collection(COLLECTION)
    texts = random_texts(300, seed=5)
    for start in range(0, 300, 10):
        library.add(COLLECTION, texts[start : start + 10])
    before = _state(library)
    build_generation(library.catalog, COLLECTION, library.indexes)
    after = _state(library)
    for query in [*random_queries(30), " ".join(random_texts(1, seed=9, words=(200, 201)))]:
        old, new = before.lexical(query, 300), after.lexical(query, 300)
        assert dict(zip(old.rows.tolist(), old.scores.tolist(), strict=True)) == pytest.approx(
            dict(zip(new.rows.tolist(), new.scores.tolist(), strict=True)), rel=1e-4
        )


def test_frequencies_of_both_parts_count(library: Library) -> None:
    library.collection(COLLECTION)
    library.add(COLLECTION, ["common rare", *(f"other words {n}" for n in range(30))])
    build_generation(library.catalog, COLLECTION, library.indexes)
    library.add(COLLECTION, [f"common thing {n}" for n in range(30)])
    (row,) = (row for row, text in library.texts(COLLECTION).items() if "rare" in text)
    state = _state(library)
    texts = library.texts(COLLECTION)
    generation_texts = {r: t for r, t in texts.items() if "thing" not in t}
    average = sum(len(t.split()) for t in generation_texts.values()) / len(generation_texts)
    hits = state.lexical("common", 100)
    expected = oracle.bm25(texts, "common", average=average)
    np.testing.assert_allclose(sorted(hits.scores), sorted(expected.values()), rtol=1e-4)
    assert row in hits.rows


def test_an_empty_collection_answers_nothing(library: Library) -> None:
    library.collection(COLLECTION)
    state = _state(library)
    assert state.size == 0
    assert not len(state.dense(np.zeros(5, dtype=np.float32), 10).rows)
    assert not len(state.lexical("anything", 10).rows)
    assert state.cosines(np.array([1, 2]), np.zeros(3, dtype=np.float32)).tolist() == [0, 0]
