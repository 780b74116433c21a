"""The feed: a follower that applies changes sees what a newcomer sees, whatever happens in between."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from retrieval.catalog import Result
from retrieval.errors import CollectionNotFound
from retrieval.types import ChunkDraft, DocumentError, ParsedDocument
from tests.retrieval.catalog.library import MODEL, OPERATOR, Library, vectors


def test_changes_are_the_net_difference(library: Library) -> None:
    collection = library.collection()
    library.add(collection, "one two", "a.txt")
    start = library.catalog.changes(collection, 0)
    assert start.added.tolist() == [1, 2]

    fleeting = library.add(collection, "three", "b.txt")
    library.catalog.detach(OPERATOR, collection, fleeting.document_id)
    library.add(collection, "four", "a.txt")

    since = library.catalog.changes(collection, start.seq)
    assert (since.added.tolist(), since.removed.tolist()) == ([4], [1, 2])
    assert library.catalog.changes(collection, since.seq).added.size == 0
    assert library.catalog.collection_seq(collection) == since.seq


def test_a_collection_made_again_under_its_id_is_not_mistaken_for_the_old_one(library: Library) -> None:
    collection = library.collection()
    library.add(collection, "one")
    seen = library.catalog.collection_seq(collection)
    library.catalog.delete_collection(OPERATOR, collection)
    with pytest.raises(CollectionNotFound):
        library.catalog.changes(collection, seen)
    library.collection()
    assert not library.catalog.changes(collection, seen).complete
    assert library.catalog.changes(collection, 0).complete


def test_forgotten_removals_tell_old_followers_to_start_again(library: Library) -> None:
    collection = library.collection()
    document = library.add(collection, "one")
    old = library.catalog.collection_seq(collection)
    library.catalog.detach(OPERATOR, collection, document.document_id)
    new = library.catalog.collection_seq(collection)
    library.catalog.forget_removals(collection, new)
    assert not library.catalog.changes(collection, old).complete
    assert library.catalog.changes(collection, new).complete


def test_vectors_and_texts_come_back_exactly_in_any_batch_size(library: Library) -> None:
    collection = library.collection()
    rng = np.random.default_rng(0)
    expected: dict[int, np.ndarray] = {}
    for n, count in enumerate([1, 3000, 2, 1024, 5]):
        library.attach(collection, f"document {n}", f"{n}.txt")
        text = "x" * count
        chunks = [ChunkDraft("x", i, i + 1, (f"H{n}",)) for i in range(count)]
        made = rng.standard_normal((count, 8), dtype=np.float32)
        first = len(expected) + 1
        library.catalog.complete_many([Result(library.claim(), ParsedDocument(text, (), "T"), chunks, made)])
        expected.update(zip(range(first, first + count), made, strict=True))

    for batch in (1, 1000, 100_000):
        found = list(library.catalog.iter_vectors(collection, batch=batch))
        ids = np.concatenate([ids for ids, _ in found])
        assert ids.tolist() == list(expected)
        assert (np.concatenate([v for _, v in found]) == np.stack(list(expected.values()))).all()
    texts = [text for part in library.catalog.iter_texts(collection, batch=700) for text in part]
    assert [text.row for text in texts] == list(expected)
    assert texts[0].embedding_text == "T > H0\nx"
    middle = library.catalog.changes(collection, 0).seq
    assert list(library.catalog.iter_vectors(collection, after_seq=middle)) == []


def test_followers_are_exact_under_concurrent_writers(library: Library) -> None:
    """Several writers add and detach; a follower polls; in the end both agree, and it never saw a number twice."""
    collection = library.collection()
    errors: list[BaseException] = []

    def write(worker: int) -> None:
        try:
            for n in range(15):
                document = library.attach(collection, f"{worker} {n}", f"{worker}-{n % 4}.txt")
                for claim in library.catalog.claim(f"w{worker}", lease_s=1000, limit=2):
                    text = claim.blob.read_text()
                    library.catalog.complete_many(
                        [Result(claim, ParsedDocument(text, ()), [ChunkDraft(text, 0, len(text))], vectors(1))]
                    )
                if n % 5 == 4:
                    library.catalog.detach(OPERATOR, collection, document.document_id)
        except BaseException as error:
            errors.append(error)

    held: set[int] = set()
    seq = 0

    def follow() -> None:
        nonlocal seq
        changes = library.catalog.changes(collection, seq)
        assert changes.complete
        assert held.isdisjoint(changes.added.tolist())
        assert held.issuperset(changes.removed.tolist())
        held.difference_update(changes.removed.tolist())
        held.update(changes.added.tolist())
        seq = changes.seq

    writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        follow()
    follow()
    assert not errors
    assert held == set(library.catalog.changes(collection, 0).added.tolist())
    assert len(held) == len(library.catalog.passages(OPERATOR, held))


def test_changing_the_model_moves_the_collection_in_one_step(library: Library) -> None:
    collection = library.collection()
    one = library.add(collection, "one two", "a.txt")
    library.add(collection, "three", "b.txt")
    seq = library.catalog.collection_seq(collection)
    library.catalog.update_collection(OPERATOR, collection, embedding_model="model-b")

    assert library.catalog.collection(OPERATOR, collection).embedding_model == MODEL
    claim = library.claim()
    assert (claim.action, claim.embedding_model) == ("reembed", "model-b")
    texts = library.catalog.claimed_chunks(claim)
    assert [text.text for text in texts] == ["one", "two"]
    library.catalog.complete_many([Result(claim, None, (), vectors(2, 4))])
    status = library.catalog.reembedding(OPERATOR, collection)
    assert status is not None
    assert (status.done, status.total) == (1, 2)
    assert library.catalog.changes(collection, seq).embedding_model == MODEL
    late = library.attach(collection, "late", "c.txt")
    arrived = library.claim()
    assert (arrived.action, arrived.embedding_model, arrived.document.document_id) == (
        "ingest",
        MODEL,
        late.document_id,
    )
    library.finish(arrived)
    assert library.catalog.document(OPERATOR, collection, one.document_id).status == "completed"

    while claims := library.catalog.claim("w", lease_s=10):
        for claim in claims:
            texts = library.catalog.claimed_chunks(claim)
            library.catalog.complete_many([Result(claim, None, (), vectors(len(texts), 4))])

    assert library.catalog.reembedding(OPERATOR, collection) is None
    assert library.catalog.changes(collection, seq).embedding_model == "model-b"
    ((ids, moved),) = library.catalog.iter_vectors(collection)
    assert (ids.tolist(), moved.shape) == ([1, 2, 3, 4], (4, 4))
    assert library.catalog.collect_garbage() == 3
    assert list(library.catalog.iter_vectors(collection, model=MODEL)) == []


def test_a_move_can_be_abandoned_and_fails_visibly(library: Library) -> None:
    collection = library.collection()
    library.add(collection, "one")
    library.catalog.update_collection(OPERATOR, collection, embedding_model="broken")
    for _ in range(3):
        claim = library.claim()
        library.catalog.retry(claim, DocumentError("server_error", "no such model"))
    assert library.catalog.claim("w", lease_s=10) == []
    status = library.catalog.reembedding(OPERATOR, collection)
    assert status is not None
    assert (status.failed, status.last_error) == (1, "no such model")
    assert library.catalog.pending_count() == 0
    assert library.searchable(collection) != {}

    library.catalog.update_collection(OPERATOR, collection, embedding_model=MODEL)
    assert library.catalog.reembedding(OPERATOR, collection) is None


def test_work_for_an_abandoned_model_is_refused(library: Library) -> None:
    collection = library.collection()
    library.add(collection, "one")
    library.catalog.update_collection(OPERATOR, collection, embedding_model="model-b")
    claim = library.claim()
    library.catalog.update_collection(OPERATOR, collection, embedding_model="model-c")
    assert library.catalog.complete_many([Result(claim, None, (), vectors(1, 4))]) == [claim]
    assert library.claim().embedding_model == "model-c"


def test_an_ingestion_begun_before_the_move_ended_is_done_again(library: Library) -> None:
    collection = library.collection()
    library.attach(collection, "one")
    claim = library.claim()
    library.catalog.update_collection(OPERATOR, collection, embedding_model="model-b")
    assert library.catalog.collection(OPERATOR, collection).embedding_model == "model-b"
    with pytest.raises(Exception, match="no longer held"):
        library.finish(claim)
    again = library.claim()
    assert (again.embedding_model, again.document.attempts) == ("model-b", 1)
    library.finish(again)
