"""One contract for every backend: a searcher over it finds what plain comparison of all chunks finds.

Each test builds (publishes) at some point, so that what is tested is the published part together with what came since.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from retrieval.catalog import Result
from retrieval.embed import HashingEmbedder, QueryEncoder
from retrieval.errors import CollectionNotFound
from retrieval.filters import parse_filter
from retrieval.index.base import Backend
from retrieval.search import Searcher
from retrieval.types import Caller, Passage
from tests.retrieval import oracle
from tests.retrieval.backends import NAMES, backend
from tests.retrieval.library import OPERATOR, Library

WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett")


class World:
    """A catalog, a backend and searchers over both."""

    def __init__(self, home: Path, made: Backend) -> None:
        self.library = Library(home)
        self.backend = made
        self.encoder = QueryEncoder(self.library.embedder)

    @contextmanager
    def searcher(self) -> Iterator[Searcher]:
        """Give a searcher with nothing in memory, as after a restart."""
        with Searcher(
            self.library.catalog, self.library.indexes, lambda _model: self.encoder, opener=self.backend.open
        ) as made:
            yield made

    def fill(self, collection: str, documents: int, *, seed: int = 0) -> None:
        """Add documents of two random chunks each, numbered by attribute `n`."""
        rng = np.random.default_rng(seed)
        for n in range(documents):
            texts = [" ".join(rng.choice(WORDS, int(rng.integers(1, 12)))) for _ in range(2)]
            self.library.add(collection, texts, attributes={"n": n, "even": n % 2 == 0})

    def build(self, collection: str) -> int:
        """Publish."""
        return self.backend.build(self.library.catalog, collection)


@pytest.fixture(params=NAMES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Give an empty world on each backend."""
    with backend(request.param, tmp_path / "indexes", tmp_path) as made:
        world = World(tmp_path, made)
        yield world
        world.encoder.close()
        world.library.catalog.close()


def rows(passages: list[Passage]) -> list[int]:
    """Give the chunk rows of passages, in order."""
    return [int(passage.chunk_id.removeprefix("chk_")) for passage in passages]


class TestContract:
    """What holds on every backend."""

    def test_scores_are_those_of_plain_comparison(self, world: World) -> None:
        world.library.collection("c")
        world.fill("c", 30)
        assert world.build("c") == 60
        texts, vectors = world.library.texts("c"), world.library.vectors("c")
        with world.searcher() as searcher:
            for query in ("alpha", "delta echo alpha alpha", "juliett golf"):
                (vector,) = world.library.embedder.encode([query], kind="query")
                cosines = oracle.dense(vectors, vector)
                words = oracle.bm25(texts, query)
                best = max(words.values())
                fused = {row: cosines[row] + 0.3 * words.get(row, 0.0) / best for row in texts}
                for mode, expected in (("dense", cosines), ("lexical", words), ("hybrid", fused)):
                    found = searcher.search(OPERATOR, query, k=10, mode=mode)  # type: ignore[arg-type]
                    assert [p.score for p in found] == pytest.approx(oracle.top(expected, 10), abs=2e-5)
                    assert [expected[row] for row in rows(found)] == pytest.approx(oracle.top(expected, 10), abs=2e-5)

    def test_more_than_there_is_gives_all(self, world: World) -> None:
        world.library.collection("c")
        world.fill("c", 5)
        world.build("c")
        with world.searcher() as searcher:
            assert sorted(rows(searcher.search(OPERATOR, "alpha", k=1_000))) == sorted(world.library.texts("c"))

    def test_empty_collections_are_searched(self, world: World) -> None:
        world.library.collection("c")
        assert world.build("c") == 0
        with world.searcher() as searcher:
            assert searcher.search(OPERATOR, "anything") == []
        document = world.library.add("c", ["the only one"])
        world.build("c")
        world.library.remove("c", document)
        world.build("c")
        with world.searcher() as searcher:
            assert searcher.search(OPERATOR, "only") == []
            world.library.add("c", ["another one"])
            assert [p.text for p in searcher.search(OPERATOR, "only")] == ["another one"]

    def test_text_of_every_kind_is_found(self, world: World) -> None:
        world.library.collection("c")
        texts = ["Grüße aus Köln", "привет мир", "你好世界", "!!! ??? ...", "🎉 🎊", 'quote " backslash \\ brace {x}']
        world.library.add("c", texts)
        world.build("c")
        with world.searcher() as searcher:
            for query in ("koln", "мир", "你好世界", 'backslash "', "🎉", "{x}"):
                assert {p.text for p in searcher.search(OPERATOR, query, k=20)} == set(texts)
            assert [p.text for p in searcher.search(OPERATOR, "koln", mode="lexical")] == ["Grüße aus Köln"]
            assert searcher.search(OPERATOR, "🎉 !!!", mode="lexical") == []

    def test_filters_leave_what_they_say(self, world: World) -> None:
        world.library.collection("c")
        world.fill("c", 40)
        world.build("c")
        with world.searcher() as searcher:
            for condition, expected in (
                ({"type": "eq", "key": "even", "value": True}, set(range(0, 40, 2))),
                ({"type": "gte", "key": "n", "value": 38}, {38, 39}),
                ({"type": "in", "key": "n", "value": [3, 5, 99]}, {3, 5}),
                ({"type": "eq", "key": "n", "value": 99}, set()),
            ):
                for mode in ("hybrid", "dense"):
                    found = searcher.search(
                        OPERATOR,
                        "alpha golf",
                        k=100,
                        filters=parse_filter(condition),
                        mode=mode,
                    )
                    assert {p.attributes["n"] for p in found} == expected
                    assert len(found) == 2 * len(expected)

    def test_a_changed_attribute_counts_at_once(self, world: World) -> None:
        world.library.collection("c")
        document = world.library.add("c", ["a plum"], attributes={"state": "draft"})
        world.build("c")
        draft = parse_filter({"type": "eq", "key": "state", "value": "draft"})
        with world.searcher() as searcher:
            assert searcher.search(OPERATOR, "plum", filters=draft)
            world.library.catalog.update_attributes(OPERATOR, "c", document, {"state": "final"})
            assert searcher.search(OPERATOR, "plum", filters=draft) == []

    def test_what_is_deleted_is_gone_at_once_and_stays_gone(self, world: World) -> None:
        world.library.collection("c")
        kept = world.library.add("c", ["alpha kept"])
        gone = world.library.add("c", ["alpha gone"])
        world.build("c")
        with world.searcher() as searcher:
            assert {p.document_id for p in searcher.search(OPERATOR, "alpha")} == {kept, gone}
            world.library.remove("c", gone)
            assert {p.document_id for p in searcher.search(OPERATOR, "alpha")} == {kept}
            world.build("c")
            assert {p.document_id for p in searcher.search(OPERATOR, "alpha")} == {kept}
        with world.searcher() as searcher:
            assert {p.document_id for p in searcher.search(OPERATOR, "alpha")} == {kept}

    def test_nobody_finds_what_he_may_not_read(self, world: World) -> None:
        world.library.collection("open")
        world.library.collection("closed", readers=frozenset({"group:hr"}))
        world.library.add("open", ["salary table of the open kind"])
        world.library.add("closed", ["salary table of the secret kind"])
        for name in ("open", "closed"):
            world.build(name)
        with world.searcher() as searcher:
            assert [p.collection_id for p in searcher.search(Caller(), "salary", k=50)] == ["open"]
            hr = Caller(frozenset({"*", "group:hr"}))
            assert {p.collection_id for p in searcher.search(hr, "salary")} == {"open", "closed"}
            with pytest.raises(CollectionNotFound):
                searcher.search(Caller(), "salary", collections=["closed"])

    def test_collections_do_not_weigh_on_each_other(self, world: World) -> None:
        """The words of one tenant are not in the statistics of another."""
        world.library.collection("mine")
        world.library.add("mine", ["alpha bravo", "alpha charlie", "delta"])
        world.build("mine")
        with world.searcher() as searcher:
            before = [(p.chunk_id, p.score) for p in searcher.search(OPERATOR, "alpha delta", mode="lexical")]
        world.library.collection("theirs")
        world.library.add("theirs", ["delta"] * 50)
        world.build("theirs")
        with world.searcher() as searcher:
            found = searcher.search(OPERATOR, "alpha delta", collections=["mine"], mode="lexical")
        assert [(p.chunk_id, p.score) for p in found] == before

    def test_a_new_collection_of_an_old_name_is_empty(self, world: World) -> None:
        world.library.collection("c")
        world.library.add("c", ["old secret"])
        world.build("c")
        world.library.catalog.delete_collection(OPERATOR, "c")
        world.library.collection("c")
        world.library.add("c", ["new"])
        with world.searcher() as searcher:
            assert [p.text for p in searcher.search(OPERATOR, "old secret")] == ["new"]
            world.build("c")
            assert [p.text for p in searcher.search(OPERATOR, "old secret")] == ["new"]

    def test_orphans_are_removed(self, world: World) -> None:
        for name in ("gone", "kept"):
            world.library.collection(name)
            world.library.add(name, ["text"])
            world.build(name)
        world.library.catalog.delete_collection(OPERATOR, "gone")
        assert world.backend.remove_orphans(world.library.catalog) == 1
        assert world.backend.remove_orphans(world.library.catalog) == 0
        with world.searcher() as searcher:
            assert [p.collection_id for p in searcher.search(OPERATOR, "text")] == ["kept"]

    def test_building_is_due_when_something_changed(self, world: World) -> None:
        world.library.collection("c")
        catalog = world.library.catalog

        def due() -> bool:
            (collection,) = catalog.all_collections()
            return world.backend.needs_build(catalog, collection, idle=True)

        assert not due()
        document = world.library.add("c", ["one", "two"])
        assert due()
        world.build("c")
        assert not due()
        catalog.update_attributes(OPERATOR, "c", document, {"x": 1})
        assert not due()
        world.library.add("c", ["three"])
        assert due()

    def test_another_model_is_taken_up(self, world: World) -> None:
        world.library.collection("c")
        world.library.add("c", ["alpha", "bravo"])
        world.build("c")
        with world.searcher() as searcher:
            assert len(searcher.search(OPERATOR, "alpha")) == 2
        other = HashingEmbedder(32)
        world.library.catalog.update_collection(OPERATOR, "c", embedding_model="another")
        (claim,) = world.library.catalog.claim("test", lease_s=60)
        texts = [text for _, text in sorted(world.library.texts("c").items())]
        world.library.catalog.complete_many([Result(claim, None, (), other.encode(texts))])
        world.build("c")
        encoder = QueryEncoder(other)
        with Searcher(
            world.library.catalog, world.library.indexes, lambda _model: encoder, opener=world.backend.open
        ) as searcher:
            found = searcher.search(OPERATOR, "alpha", mode="dense")
            assert [p.text for p in found] == ["alpha", "bravo"]
            assert found[0].score == pytest.approx(1.0, abs=1e-5)
        encoder.close()

    def test_searches_go_on_while_documents_come_and_go(self, world: World) -> None:
        """Every answer holds all that was there the whole time, and nothing twice."""
        world.library.collection("c")
        lasting = world.library.add("c", [f"alpha lasting {n}" for n in range(5)])
        world.build("c")
        stop, wrong = threading.Event(), []

        def look(searcher: Searcher) -> None:
            while not stop.is_set():
                found = searcher.search(OPERATOR, "alpha", k=200)
                ids = [p.chunk_id for p in found]
                if len(set(ids)) != len(ids) or sum(p.document_id == lasting for p in found) != 5:
                    wrong.append(ids)

        with world.searcher() as searcher:
            threads = [threading.Thread(target=look, args=(searcher,)) for _ in range(2)]
            for thread in threads:
                thread.start()
            try:
                for n in range(6):
                    document = world.library.add("c", [f"alpha passing {n}", "alpha more"])
                    world.build("c")
                    if n % 2:
                        world.library.remove("c", document)
                        world.build("c")
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            assert wrong == []
            assert len(searcher.search(OPERATOR, "alpha", k=200)) == 5 + 3 * 2
