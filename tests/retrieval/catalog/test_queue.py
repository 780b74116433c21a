"""Leases and fences: who works on what, and what becomes of the work of the dead."""

from __future__ import annotations

import pytest

from retrieval.errors import StaleClaim
from retrieval.types import DocumentError
from tests.retrieval.catalog.library import OPERATOR, Library


def test_a_claimed_document_is_nobody_elses_until_its_lease_ends(library: Library) -> None:
    collection = library.collection()
    library.attach(collection, "x")
    claim = library.claim(lease_s=10)
    assert library.catalog.claim("other", lease_s=10) == []

    library.monotonic.now += 9
    library.catalog.heartbeat(claim, 10)
    library.monotonic.now += 9
    assert library.catalog.claim("other", lease_s=10) == []
    library.monotonic.now += 2
    (taken,) = library.catalog.claim("other", lease_s=10)
    assert taken.token > claim.token


def test_every_call_of_a_stale_worker_is_refused(library: Library) -> None:
    collection = library.collection()
    library.attach(collection, "x")
    stale = library.claim(lease_s=10)
    library.monotonic.now += 11
    fresh = library.claim("other", lease_s=10)

    for attempt in (
        lambda: library.finish(stale),
        lambda: library.catalog.heartbeat(stale, 10),
        lambda: library.catalog.progress(stale, "parsing", 1),
        lambda: library.catalog.fail(stale, DocumentError("x", "y")),
        lambda: library.catalog.retry(stale, DocumentError("x", "y")),
        lambda: library.catalog.release(stale),
    ):
        with pytest.raises(StaleClaim):
            attempt()
    assert library.searchable(collection) == {}
    library.finish(fresh)
    with pytest.raises(StaleClaim):
        library.finish(fresh)
    assert len(library.searchable(collection)) == 1


def test_a_late_result_counts_while_nobody_has_taken_the_document(library: Library) -> None:
    collection = library.collection()
    document = library.attach(collection, "x")
    claim = library.claim(lease_s=10)
    library.monotonic.now += 100
    library.finish(claim)
    assert library.searchable(collection) == {document.document_id: ["x"]}


def test_a_document_whose_workers_die_fails_with_the_reason(library: Library) -> None:
    collection = library.collection()
    document = library.attach(collection, "x")
    for _ in range(3):
        claim = library.claim(lease_s=10)
        library.catalog.progress(claim, "embedding", 50)
        library.monotonic.now += 11
    assert library.catalog.requeue_expired() == 1
    assert library.catalog.claim("w", lease_s=10) == []

    failed = library.catalog.document(OPERATOR, collection, document.document_id)
    assert failed.status == "failed"
    assert failed.last_error == DocumentError("server_error", "The worker died 3 times while embedding.")
    assert library.catalog.pending_count() == 0


def test_unexpected_failures_are_tried_again_up_to_the_cap(library: Library) -> None:
    collection = library.collection()
    document = library.attach(collection, "x")
    error = DocumentError("server_error", "bug")
    outcomes = [library.catalog.retry(library.claim(), error) for _ in range(3)]
    assert outcomes == [True, True, False]
    assert library.catalog.document(OPERATOR, collection, document.document_id).last_error == error


def test_a_release_does_not_count_as_an_attempt(library: Library) -> None:
    collection = library.collection()
    document = library.attach(collection, "x")
    for _ in range(5):
        library.catalog.release(library.claim())
    seen = library.catalog.document(OPERATOR, collection, document.document_id)
    assert (seen.status, seen.stage, seen.attempts) == ("in_progress", "queued", 0)
    library.work()
    assert library.searchable(collection) == {document.document_id: ["x"]}


def test_leases_end_at_a_reboot_when_the_clock_starts_again(library: Library) -> None:
    library.attach(library.collection(), "x")
    library.claim(lease_s=10)
    library.monotonic.now = 3.0
    assert len(library.catalog.claim("after", lease_s=10)) == 1


def test_the_oldest_are_claimed_first_and_no_more_than_asked(library: Library) -> None:
    collection = library.collection()
    ids = [library.attach(collection, str(n), f"{n}.txt").document_id for n in range(5)]
    claims = library.catalog.claim("w", lease_s=10, limit=3)
    assert [claim.document.document_id for claim in claims] == ids[:3]
    assert library.catalog.pending_count() == 5


def test_a_document_deleted_while_worked_on_is_not_brought_back(library: Library) -> None:
    collection = library.collection()
    document = library.attach(collection, "x")
    claim = library.claim()
    library.catalog.delete_file(OPERATOR, document.document_id)
    with pytest.raises(StaleClaim):
        library.catalog.heartbeat(claim, 10)
    assert library.searchable(collection) == {}
