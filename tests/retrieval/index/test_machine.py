"""Any order of adding, removing, building, reloading and searching gives exactly what a dictionary would give."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from retrieval.embed import QueryEncoder
from retrieval.errors import CollectionNotFound
from retrieval.index.build import build_generation
from retrieval.search import Searcher
from retrieval.types import Caller
from tests.retrieval.library import Library

NAMES = ("a", "b")
WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot")
collections = st.sampled_from(NAMES)
chunks = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join), min_size=1, max_size=4)
READERS = {name: Caller(frozenset({f"group:{name}"})) for name in NAMES}


class SearchMachine(RuleBasedStateMachine):
    """Two collections, each with its own readers, and a model of what is in them."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.library = Library(self.home)
        self.encoder = QueryEncoder(self.library.embedder)
        self.searcher = self._searcher()
        self.model: dict[str, dict[str, list[str]]] = {name: {} for name in NAMES}
        for name in NAMES:
            self.library.collection(name, readers=frozenset({f"group:{name}"}))

    def _searcher(self) -> Searcher:
        return Searcher(self.library.catalog, self.library.indexes, lambda _model: self.encoder)

    @rule(name=collections, texts=chunks)
    def add(self, name: str, texts: list[str]) -> None:
        """Add a document."""
        self.model[name][self.library.add(name, texts)] = texts

    @precondition(lambda self: any(self.model.values()))
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        """Remove one."""
        name, document = data.draw(st.sampled_from([(n, d) for n in NAMES for d in self.model[n]]))
        self.library.remove(name, document)
        del self.model[name][document]

    @rule(name=collections)
    def build(self, name: str) -> None:
        """Publish a generation; the searcher takes it over whenever it gets to it."""
        build_generation(self.library.catalog, name, self.library.indexes)

    @rule()
    def restart(self) -> None:
        """Begin with nothing in memory."""
        self.searcher.close()
        self.searcher = self._searcher()

    @rule(name=collections, word=st.sampled_from(WORDS))
    def search(self, name: str, word: str) -> None:
        """Ask every way; the caller sees one collection and all of it."""
        caller, texts = READERS[name], sorted(t for d in self.model[name].values() for t in d)
        for collection in (None, [name]):
            dense = self.searcher.search(caller, word, collections=collection, k=500, mode="dense")
            assert sorted(p.text for p in dense) == texts
            lexical = self.searcher.search(caller, word, collections=collection, k=500, mode="lexical")
            assert sorted(p.text for p in lexical) == [t for t in texts if word in t.split()]
            hybrid = self.searcher.search(caller, word, collections=collection, k=500)
            assert sorted(p.text for p in hybrid) == texts
            assert {p.collection_id for p in hybrid} <= {name}
        (other,) = set(NAMES) - {name}
        try:
            self.searcher.search(caller, word, collections=[other])
        except CollectionNotFound:
            return
        raise AssertionError("an unreadable collection was searched")

    @invariant()
    def sizes_agree(self) -> None:
        """What the searcher says it can find is what is there."""
        sizes = {status.collection_id: status.vectors for status in self.searcher.status()}
        assert sizes == {name: sum(map(len, self.model[name].values())) for name in NAMES}

    def teardown(self) -> None:
        """Close and delete."""
        self.searcher.close()
        self.encoder.close()
        self.library.catalog.close()
        shutil.rmtree(self.home)


SearchMachine.TestCase.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
TestSearchMachine = SearchMachine.TestCase
