"""The catalog against a model made of dicts, under any order of uploads, claims, deaths, replacements, deletions and
restarts.

After every step each of three callers sees exactly the passages the model says, and a follower of the feed holds
exactly the chunks that exist.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from retrieval.catalog import Claim
from retrieval.errors import NotFound, StaleClaim
from retrieval.types import Caller, DocumentError
from tests.retrieval.catalog.library import OPERATOR, Library

ANN, BOB = Caller(frozenset({"*", "user:ann"})), Caller(frozenset({"*", "user:bob"}))
CALLERS = (OPERATOR, ANN, BOB)
READERS = st.sampled_from([frozenset({"*"}), frozenset({"user:ann"}), frozenset({"user:bob"}), frozenset()])
NAMES = st.sampled_from(["a.txt", "b.txt"])
TEXTS = st.sampled_from(["red", "red green", "blue sky above"])
LEASE_S = 10.0


@dataclass
class ModelDocument:
    """What the model knows of a document."""

    order: int
    filename: str
    text: str
    status: str = "in_progress"
    attempts: int = 0
    token: int | None = None  # number of the model's own claim that is current


@dataclass
class ModelCollection:
    """What the model knows of a collection."""

    readers: frozenset[str]
    documents: dict[str, ModelDocument] = field(default_factory=dict)


class CatalogMachine(RuleBasedStateMachine):
    """The moves, and what must hold after each."""

    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.library = Library(self.home)
        self.model: dict[str, ModelCollection] = {}
        self.files: dict[str, tuple[str, str]] = {}
        self.followed: dict[str, tuple[int, set[int]]] = {}
        self.order = 0
        self.claimed = 0

    def teardown(self) -> None:
        self.library.catalog.close()
        shutil.rmtree(self.home)

    @rule(collection=st.sampled_from("cd"), readers=READERS)
    def create(self, collection: str, readers: frozenset[str]) -> None:
        if collection not in self.model:
            self.library.collection(collection, readers)
            self.model[collection] = ModelCollection(readers)

    @rule(collection=st.sampled_from("cd"), readers=READERS)
    def change_readers(self, collection: str, readers: frozenset[str]) -> None:
        if collection in self.model:
            self.library.catalog.update_collection(OPERATOR, collection, readers=readers)
            self.model[collection].readers = readers

    @rule(collection=st.sampled_from("cd"))
    def delete_collection(self, collection: str) -> None:
        if collection in self.model:
            self.library.catalog.delete_collection(OPERATOR, collection)
            del self.model[collection]
            self.followed.pop(collection, None)

    @rule(collection=st.sampled_from("cd"), filename=NAMES, text=TEXTS)
    def upload(self, collection: str, filename: str, text: str) -> None:
        if collection not in self.model:
            return
        documents = self.model[collection].documents
        document_id = self.library.attach(collection, text, filename).document_id
        self.files[document_id] = (filename, text)
        namesakes = {d.order: i for i, d in documents.items() if d.filename == filename}
        newest = namesakes[max(namesakes)] if namesakes else None
        if newest and documents[newest].text == text and documents[newest].status == "completed":
            documents[document_id] = documents.pop(newest)
        else:
            self.order += 1
            documents[document_id] = ModelDocument(self.order, filename, text)

    @rule(data=st.data())
    def delete_file(self, data: st.DataObject) -> None:
        if self.files:
            file_id = data.draw(st.sampled_from(list(self.files)))
            self.library.catalog.delete_file(OPERATOR, file_id)
            del self.files[file_id]
            for collection in self.model.values():
                collection.documents.pop(file_id, None)

    @rule(data=st.data())
    def detach(self, data: st.DataObject) -> None:
        there = [(c, d) for c, m in self.model.items() for d in m.documents]
        if there:
            collection, document_id = data.draw(st.sampled_from(there))
            self.library.catalog.detach(OPERATOR, collection, document_id)
            del self.model[collection].documents[document_id]

    @rule(data=st.data())
    def spy(self, data: st.DataObject) -> None:
        """Somebody asks by id for what they may not read."""
        there = [(c, d) for c, m in self.model.items() for d in m.documents]
        if there:
            collection, document_id = data.draw(st.sampled_from(there))
            for caller in (ANN, BOB):
                if not caller.may_read(self.model[collection].readers):
                    with pytest.raises(NotFound):
                        self.library.catalog.document(caller, collection, document_id)
                    with pytest.raises(NotFound):
                        self.library.catalog.chunks(caller, collection, document_id)
                    with pytest.raises(NotFound):
                        self.library.catalog.chunk_page(caller, collection, document_id)

    @rule(target=claims)
    def claim(self) -> tuple[Claim, int] | None:
        waiting = [
            d for m in self.model.values() for d in m.documents.values() if d.status == "in_progress" and not d.token
        ]
        claims = self.library.catalog.claim("w", lease_s=LEASE_S)
        assert len(claims) == min(1, len(waiting))
        if not claims:
            return None
        document = self.model[claims[0].document.collection_id].documents[claims[0].document.document_id]
        self.claimed += 1
        document.token = self.claimed
        document.attempts += 1
        return claims[0], self.claimed

    @rule(held=consumes(claims), ending=st.sampled_from(["complete", "fail", "release", "retry"]))
    def end(self, held: tuple[Claim, int] | None, ending: str) -> None:
        if held is None:
            return
        claim, token = held
        collection = self.model.get(claim.document.collection_id)
        documents = collection.documents if collection else {}
        found = [(i, d) for i, d in documents.items() if d.token == token]
        if not found:
            with pytest.raises(StaleClaim):
                self._end(claim, ending)
            return
        self._end(claim, ending)
        ((document_id, document),) = found
        document.token = None
        if ending == "complete":
            document.status = "completed"
            for other in [
                i for i, d in documents.items() if d.filename == document.filename and d.order < document.order
            ]:
                del documents[other]
        elif ending == "release":
            document.attempts -= 1
        elif ending == "fail" or document.attempts >= 3:
            document.status = "failed"

    @rule()
    def workers_die(self) -> None:
        self.library.monotonic.now += LEASE_S + 1
        self.library.catalog.requeue_expired()
        for collection in self.model.values():
            for document in collection.documents.values():
                if document.token:
                    document.token = None
                    document.status = "failed" if document.attempts >= 3 else "in_progress"

    @rule()
    def restart(self) -> None:
        self.library.catalog.close()
        now = self.library.monotonic.now
        self.library = Library(self.home)
        self.library.monotonic.now = now

    @rule()
    def tidy(self) -> None:
        self.library.catalog.collect_garbage()
        blobs = {p.name for p in (self.home / "blobs").glob("??/*")}
        stored = self.library.catalog.files(OPERATOR, limit=1000).items
        assert blobs == {file.sha256 for file in stored}
        assert {file.file_id for file in stored} == set(self.files)

    @invariant()
    def everybody_sees_what_they_may(self) -> None:
        catalog = self.library.catalog
        for caller in CALLERS:
            readable = {c: m for c, m in self.model.items() if caller.may_read(m.readers)}
            assert {c.collection_id for c in catalog.readable_collections(caller)} == set(readable)
            for name, model in self.model.items():
                expected = {i: d.text.split(" ") for i, d in model.documents.items() if d.status == "completed"}
                assert self.library.searchable(name, caller) == (expected if name in readable else {})

    @invariant()
    def statuses_agree(self) -> None:
        for name, model in self.model.items():
            listed = self.library.catalog.documents(OPERATOR, name, limit=1000).items
            assert {d.document_id: (d.status, d.attempts) for d in listed} == {
                i: (d.status, d.attempts) for i, d in model.documents.items()
            }

    @invariant()
    def a_follower_agrees_with_a_newcomer(self) -> None:
        for name in self.model:
            seq, held = self.followed.get(name, (0, set()))
            changes = self.library.catalog.changes(name, seq)
            assert changes.complete
            held = (held | set(changes.added.tolist())) - set(changes.removed.tolist())
            self.followed[name] = (changes.seq, held)
            assert held == set(self.library.catalog.changes(name, 0).added.tolist())

    def _end(self, claim: Claim, ending: str) -> None:
        catalog, error = self.library.catalog, DocumentError("server_error", "bad luck")
        if ending == "complete":
            self._complete(claim)
        elif ending == "fail":
            catalog.fail(claim, error)
        elif ending == "retry":
            catalog.retry(claim, error)
        else:
            catalog.release(claim)

    def _complete(self, claim: Claim) -> None:
        if claim.blob.exists():
            self.library.finish(claim)
        else:  # the file was deleted under the worker
            self.library.catalog.heartbeat(claim, LEASE_S)


_SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]


def test_the_catalog_behaves_like_the_model() -> None:
    run_state_machine_as_test(
        CatalogMachine,
        settings=settings(max_examples=15, stateful_step_count=40, deadline=None, suppress_health_check=_SLOW_MACHINE),
    )


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_catalog_behaves_like_the_model_for_long() -> None:
    run_state_machine_as_test(
        CatalogMachine,
        settings=settings(max_examples=400, stateful_step_count=60, deadline=None, suppress_health_check=_SLOW_MACHINE),
    )
