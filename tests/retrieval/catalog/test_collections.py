"""Collections: access lists, limits and counts."""

from __future__ import annotations

import pytest

from retrieval.errors import CollectionNotFound, Conflict, InvalidInput
from retrieval.types import Caller
from tests.retrieval.catalog.library import MODEL, OPERATOR, Library

ANN = Caller(frozenset({"*", "user:ann"}))
BOB = Caller(frozenset({"*", "user:bob"}))


def test_what_may_not_be_read_looks_absent(library: Library) -> None:
    secret = library.collection("secret", frozenset({"user:ann"}))
    document = library.add(secret, "plan")
    (row,) = library.catalog.changes(secret, 0).added

    assert library.catalog.collection(ANN, secret).name == "secret"
    for ask in (
        lambda: library.catalog.collection(BOB, secret),
        lambda: library.catalog.documents(BOB, secret),
        lambda: library.catalog.document(BOB, secret, document.document_id),
        lambda: library.catalog.document_text(BOB, secret, document.document_id),
        lambda: library.catalog.readable_collections(BOB, [secret]),
        lambda: library.catalog.detach(BOB, secret, document.document_id),
        lambda: library.catalog.delete_collection(BOB, secret),
    ):
        with pytest.raises(CollectionNotFound) as unreadable:
            ask()
        assert str(unreadable.value) == "There is no collection 'secret'."
    assert library.catalog.passages(BOB, [row]) == {}
    assert library.catalog.find_collection(BOB, "secret") is None
    assert library.catalog.collections(BOB).items == ()
    assert library.catalog.readable_collections(BOB) == ()


def test_readers_can_change_at_any_time(library: Library) -> None:
    collection = library.collection("c", frozenset({"user:ann"}))
    before = library.catalog.version()

    library.catalog.update_collection(OPERATOR, collection, readers=frozenset({"user:bob"}))

    assert library.catalog.collection(BOB, collection).readers == frozenset({"user:bob"})
    with pytest.raises(CollectionNotFound):
        library.catalog.collection(ANN, collection)
    assert library.catalog.version() > before


def test_a_taken_id_is_a_conflict_and_names_may_repeat(library: Library) -> None:
    library.collection("c")
    with pytest.raises(Conflict):
        library.collection("c")
    again = library.catalog.create_collection("c", embedding_model=MODEL)
    assert again.collection_id != "c"
    found = library.catalog.find_collection(OPERATOR, "c")
    assert found is not None
    assert found.collection_id == "c"


@pytest.mark.parametrize("bad", ["", "..", "a/b", "a b", "é", "x" * 65, "-a"])
def test_an_id_is_safe_as_a_directory_name(library: Library, bad: str) -> None:
    with pytest.raises(InvalidInput):
        library.collection(bad)


def test_counts_and_usage(library: Library) -> None:
    collection = library.collection()
    library.add(collection, "one two", "a.txt")
    library.attach(collection, "three", "b.txt")

    seen = library.catalog.collection(OPERATOR, collection)
    assert seen.documents_by_status == {"completed": 1, "in_progress": 1}
    assert seen.usage_bytes > 2 * 8 * 4
    library.catalog.delete_collection(OPERATOR, collection)
    assert library.catalog.collections(OPERATOR).items == ()
    assert len(library.catalog.files(OPERATOR).items) == 2


@pytest.mark.parametrize(
    "attributes",
    [
        {f"k{n}": "v" for n in range(17)},
        {"k" * 65: "v"},
        {"": "v"},
        {"k": "v" * 513},
        {"k": float("nan")},
        {"k": None},
        {"k": ["v"]},
        {"k": "\ud800"},
    ],
)
def test_attributes_have_limits(library: Library, attributes: dict[str, object]) -> None:
    collection = library.collection()
    with pytest.raises(InvalidInput) as caught:
        library.attach(collection, "x", attributes=attributes)  # type: ignore[arg-type]
    assert caught.value.param == "attributes"


def test_attributes_at_their_limits_come_back_as_given(library: Library) -> None:
    collection = library.collection()
    attributes = {f"{n:064d}": "v" * 512 for n in range(13)} | {"n": 1.5, "b": True, "i": 3}
    document = library.attach(collection, "x", attributes=attributes)
    assert library.catalog.document(OPERATOR, collection, document.document_id).attributes == attributes
