"""Documents: attaching, replacing, detaching, and what a search would see meanwhile."""

from __future__ import annotations

from typing import Literal

import pytest

from retrieval.errors import Conflict, DocumentNotFound, InvalidInput, StaleClaim
from retrieval.types import ChunkDraft, DocumentError, ParsedDocument
from tests.retrieval.catalog.library import OPERATOR, Library, vectors, words


def test_a_document_goes_from_queued_to_completed(library: Library) -> None:
    collection = library.collection()
    document = library.attach(collection, "one two", attributes={"url": "https://example.org/a"})
    assert (document.status, document.stage, document.percent) == ("in_progress", "queued", 0)

    claim = library.claim()
    library.catalog.progress(claim, "embedding", 40)
    seen = library.catalog.document(OPERATOR, collection, document.document_id)
    assert (seen.status, seen.stage, seen.percent) == ("in_progress", "embedding", 40)
    assert library.searchable(collection) == {}

    library.finish(claim, title="Numbers")
    seen = library.catalog.document(OPERATOR, collection, document.document_id)
    assert (seen.status, seen.stage, seen.percent, seen.title) == ("completed", "done", 100, "Numbers")
    assert library.catalog.document_text(OPERATOR, collection, document.document_id) == "one two"
    first, second = library.catalog.chunks(OPERATOR, collection, document.document_id)
    assert (first.text, second.text, second.start, second.end) == ("one", "two", 4, 7)
    assert (first.heading_path, first.page_start, first.page_end) == (("Part", "Word"), 1, 2)
    assert (first.url, first.title, first.filename) == ("https://example.org/a", "Numbers", "a.txt")
    assert library.catalog.chunk(OPERATOR, second.chunk_id) == second


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_chunks_come_in_pages(library: Library, limit: int) -> None:
    collection = library.collection()
    library.add(collection, "before", filename="before.txt")
    document = library.add(collection, "one two three four five six")
    library.add(collection, "after", filename="after.txt")
    whole = library.catalog.chunks(OPERATOR, collection, document.document_id)
    found, after = [], None
    while True:
        page = library.catalog.chunk_page(OPERATOR, collection, document.document_id, limit=limit, after=after)
        assert page.start == len(found)
        found += page.items
        if not page.has_more:
            break
        assert len(page.items) == limit
        after = page.items[-1].chunk_id
    assert found == whole
    last = library.catalog.chunk_page(OPERATOR, collection, document.document_id, after=whole[-1].chunk_id)
    assert (last.items, last.start, last.has_more) == ((), 6, False)


def test_chunks_go_on_only_after_one_of_their_document(library: Library) -> None:
    collection = library.collection()
    others = library.add(collection, "before", filename="before.txt")
    document = library.attach(collection, "one two")
    assert library.catalog.chunk_page(OPERATOR, collection, document.document_id).items == ()
    (stranger,) = library.catalog.chunks(OPERATOR, collection, others.document_id)
    library.work()
    for after in (stranger.chunk_id, "chk_99", "nonsense"):
        with pytest.raises(InvalidInput) as refused:
            library.catalog.chunk_page(OPERATOR, collection, document.document_id, after=after)
        assert refused.value.param == "after"


@pytest.mark.parametrize("chunk_id", ["chk_99", "chk_", "7", "chk_x", "chk_" + "9" * 30, "chk_²"])
def test_an_unknown_chunk_is_not_found(library: Library, chunk_id: str) -> None:
    with pytest.raises(DocumentNotFound):
        library.catalog.chunk(OPERATOR, chunk_id)


def test_the_old_document_serves_until_the_new_one_is_completed(library: Library) -> None:
    collection = library.collection()
    old = library.add(collection, "old")
    new = library.attach(collection, "new")
    assert library.searchable(collection) == {old.document_id: ["old"]}

    library.work()

    assert library.searchable(collection) == {new.document_id: ["new"]}
    with pytest.raises(DocumentNotFound):
        library.catalog.document(OPERATOR, collection, old.document_id)


def test_the_old_document_stays_when_the_new_one_fails(library: Library) -> None:
    collection = library.collection()
    old = library.add(collection, "old")
    new = library.attach(collection, "new")
    library.catalog.fail(library.claim(), DocumentError("invalid_file", "It is broken."))

    assert library.searchable(collection) == {old.document_id: ["old"]}
    failed = library.catalog.document(OPERATOR, collection, new.document_id)
    assert failed.last_error == DocumentError("invalid_file", "It is broken.")

    third = library.add(collection, "third")
    assert library.searchable(collection) == {third.document_id: ["third"]}
    assert [d.document_id for d in library.catalog.documents(OPERATOR, collection).items] == [third.document_id]


def test_of_two_new_versions_the_last_attached_stays_whichever_ends_first(library: Library) -> None:
    collection = library.collection()
    library.attach(collection, "first")
    last = library.attach(collection, "last")
    first_claim, last_claim = library.claim(), library.claim()

    library.finish(last_claim)
    with pytest.raises(Exception, match="no longer held"):
        library.finish(first_claim)

    assert library.searchable(collection) == {last.document_id: ["last"]}


def test_namesakes_can_live_together_when_asked(library: Library) -> None:
    collection = library.collection()
    library.add(collection, "one")
    file = library.upload("two")
    library.catalog.attach(OPERATOR, collection, file.file_id, replace_same_name=False)
    library.work()
    assert sorted(library.searchable(collection).values()) == [["one"], ["two"]]


def test_the_same_content_again_is_handed_over_without_work(library: Library) -> None:
    collection = library.collection()
    old = library.add(collection, "same", attributes={"a": 1})
    rows = library.catalog.changes(collection, 0).added.tolist()
    new = library.attach(collection, "same", attributes={"a": 2})

    assert (new.status, new.attributes) == ("completed", {"a": 2})
    assert new.document_id != old.document_id
    assert library.catalog.pending_count() == 0
    assert library.catalog.changes(collection, 0).added.tolist() == rows
    with pytest.raises(DocumentNotFound):
        library.catalog.document(OPERATOR, collection, old.document_id)


def test_attaching_twice_changes_nothing_and_a_failed_document_is_tried_again(library: Library) -> None:
    collection = library.collection()
    document = library.attach(collection, "x")
    again = library.catalog.attach(OPERATOR, collection, document.document_id)
    assert again.document_id == document.document_id
    library.catalog.fail(library.claim(), DocumentError("invalid_file", "no"))

    again = library.catalog.attach(OPERATOR, collection, document.document_id)

    assert (again.status, again.last_error, again.attempts) == ("in_progress", None, 0)
    library.work()
    assert library.searchable(collection) == {document.document_id: ["x"]}


def test_detaching_removes_from_search_and_keeps_the_file(library: Library) -> None:
    collection = library.collection()
    document = library.add(collection, "one two")
    seq = library.catalog.collection_seq(collection)
    rows = library.catalog.changes(collection, 0).added.tolist()

    library.catalog.detach(OPERATOR, collection, document.document_id)

    assert library.catalog.changes(collection, seq).removed.tolist() == rows
    assert library.catalog.passages(OPERATOR, rows) == {}
    assert library.catalog.file(OPERATOR, document.document_id).filename == "a.txt"
    with pytest.raises(DocumentNotFound):
        library.catalog.detach(OPERATOR, collection, document.document_id)


def test_find_by_hash_finds_this_name_with_this_content(library: Library) -> None:
    collection = library.collection()
    document = library.add(collection, "x", "dir/a.txt")
    sha256 = library.catalog.file(OPERATOR, document.document_id).sha256

    found = library.catalog.find_by_hash(OPERATOR, collection, "dir/a.txt", sha256)
    assert found == document
    assert library.catalog.find_by_hash(OPERATOR, collection, "a.txt", sha256) is None
    assert library.catalog.find_by_hash(OPERATOR, collection, "dir/a.txt", "0" * 64) is None


def test_listing_by_status(library: Library) -> None:
    collection = library.collection()
    done = library.add(collection, "x", "a.txt")
    waiting = library.attach(collection, "y", "b.txt")
    by_status = {
        status: [d.document_id for d in library.catalog.documents(OPERATOR, collection, status=status).items]
        for status in ("completed", "in_progress", "failed")
    }
    assert by_status == {"completed": [done.document_id], "in_progress": [waiting.document_id], "failed": []}


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_list_by_status_goes_on_after_a_document_whose_status_has_changed(
    library: Library, order: Literal["asc", "desc"]
) -> None:
    collection = library.collection()
    ids = [library.attach(collection, name, f"{name}.txt").document_id for name in "abc"]
    if order == "desc":
        ids.reverse()
    library.catalog.cancel(OPERATOR, collection, ids[0])

    rest = library.catalog.documents(OPERATOR, collection, status="in_progress", after=ids[0], order=order)
    assert [document.document_id for document in rest.items] == ids[1:]

    with pytest.raises(InvalidInput):
        library.catalog.documents(OPERATOR, collection, status="in_progress", after="file-never", order=order)


def test_only_work_in_progress_can_be_cancelled(library: Library) -> None:
    collection = library.collection()
    document = library.attach(collection, "x")
    claim = library.claim()
    assert library.catalog.cancel(OPERATOR, collection, document.document_id).status == "cancelled"
    with pytest.raises(Exception, match="no longer held"):
        library.finish(claim)
    with pytest.raises(Conflict):
        library.catalog.cancel(OPERATOR, collection, document.document_id)
    assert library.catalog.pending_count() == 0


def test_updated_attributes_are_seen_at_once(library: Library) -> None:
    collection = library.collection()
    document = library.add(collection, "x", attributes={"a": 1})
    before = library.catalog.version()
    library.catalog.update_attributes(OPERATOR, collection, document.document_id, {"a": 2})
    (span,) = library.catalog.spans(collection)
    assert (span.attributes, span.count) == ({"a": 2}, 1)
    assert library.catalog.version() > before


@pytest.mark.parametrize(
    ("chunks", "count"), [(words("one two"), 1), ([ChunkDraft("two", 0, 3)], 1), ([ChunkDraft("one", 0, 99)], 1)]
)
def test_results_that_do_not_fit_together_are_refused(library: Library, chunks: list[ChunkDraft], count: int) -> None:
    collection = library.collection()
    library.attach(collection, "one two")
    claim = library.claim()
    with pytest.raises(InvalidInput):
        library.catalog.complete(claim, ParsedDocument("one two", ()), chunks, vectors(count))
    assert library.searchable(collection) == {}
    library.finish(claim)


def test_broken_unicode_keeps_its_offsets(library: Library) -> None:
    collection = library.collection()
    document = library.attach(collection, "x")
    text = "a\ud800b \x00c"
    chunks = [ChunkDraft(text[:3], 0, 3), ChunkDraft(text[4:], 4, 6)]
    library.catalog.complete(library.claim(), ParsedDocument(text, ()), chunks, vectors(2))

    stored = library.catalog.document_text(OPERATOR, collection, document.document_id)
    assert stored == "a?b \x00c"
    for chunk in library.catalog.chunks(OPERATOR, collection, document.document_id):
        assert stored[chunk.start : chunk.end] == chunk.text


def test_what_failed_or_was_cancelled_is_queued_again_with_all_its_attempts(library: Library) -> None:
    collection = library.collection()
    document = library.attach(collection, "one two", attributes={"url": "https://example.org/a"})
    with pytest.raises(Conflict, match="in_progress"):
        library.catalog.requeue(OPERATOR, collection, document.document_id)
    claim = library.claim()
    library.catalog.fail(claim, DocumentError("invalid_file", "It is broken."))
    again = library.catalog.requeue(OPERATOR, collection, document.document_id)
    assert (again.status, again.stage, again.percent, again.attempts) == ("in_progress", "queued", 0, 0)
    assert (again.last_error, again.attributes) == (None, {"url": "https://example.org/a"})
    stale = library.claim()
    library.catalog.cancel(OPERATOR, collection, document.document_id)
    library.catalog.requeue(OPERATOR, collection, document.document_id)
    with pytest.raises(StaleClaim):
        library.finish(stale)
    library.work()
    assert library.searchable(collection) == {document.document_id: ["one", "two"]}
    with pytest.raises(Conflict, match="completed"):
        library.catalog.requeue(OPERATOR, collection, document.document_id)
    with pytest.raises(DocumentNotFound):
        library.catalog.requeue(OPERATOR, collection, "file-none")
