"""Uploads: bytes by hash, rows by id, and who may see them."""

from __future__ import annotations

import hashlib

import pytest

from retrieval.errors import FileNotFound, InvalidInput
from retrieval.types import Caller
from tests.retrieval.catalog.library import OPERATOR, OWNER, Library

STRANGER = Caller(frozenset({"*", "key:stranger"}))


def test_an_upload_is_kept_under_its_hash_and_never_under_its_name(library: Library) -> None:
    file = library.upload("hello", filename="../../etc/passwd")

    path = library.catalog.file_path(file)
    assert path.read_text() == "hello"
    assert path.name == file.sha256 == hashlib.sha256(b"hello").hexdigest()
    assert path.is_relative_to(library.home / "blobs")
    assert file.filename == "../../etc/passwd"
    assert not list((library.home / "blobs" / "staging").iterdir())


def test_the_owner_and_operators_see_a_file_and_nobody_else(library: Library) -> None:
    file = library.upload("hello")

    assert library.catalog.file(Caller(frozenset({OWNER})), file.file_id) == file
    assert library.catalog.file(OPERATOR, file.file_id) == file
    with pytest.raises(FileNotFound):
        library.catalog.file(STRANGER, file.file_id)
    assert library.catalog.files(STRANGER).items == ()


def test_a_file_in_a_readable_collection_is_readable(library: Library) -> None:
    open_to = library.collection("open", frozenset({"key:stranger"}))
    file = library.upload("hello")
    library.catalog.attach(OPERATOR, open_to, file.file_id)

    assert library.catalog.file(STRANGER, file.file_id) == file


def test_the_same_bytes_twice_share_a_blob_until_both_are_deleted(library: Library) -> None:
    one, two = library.upload("same", "a.txt"), library.upload("same", "b.txt")
    path = library.catalog.file_path(one)

    library.catalog.delete_file(OPERATOR, one.file_id)
    assert path.read_text() == "same"
    library.catalog.delete_file(OPERATOR, two.file_id)
    assert not path.exists()


def test_deleting_a_file_takes_its_documents_out_of_every_collection(library: Library) -> None:
    library.collection("c")
    library.collection("d")
    file = library.upload("hello")
    for collection in ("c", "d"):
        library.catalog.attach(OPERATOR, collection, file.file_id)
    library.work()

    library.catalog.delete_file(OPERATOR, file.file_id)

    assert library.searchable("c") == library.searchable("d") == {}
    assert library.catalog.documents(OPERATOR, "c").items == ()


def test_pages_follow_each_other_in_both_orders_even_while_deleting(library: Library) -> None:
    ids = [library.upload(str(n)).file_id for n in range(7)]

    page = library.catalog.files(OPERATOR, limit=3, order="asc")
    assert ([f.file_id for f in page.items], page.has_more) == (ids[:3], True)
    for file in page.items:
        library.catalog.delete_file(OPERATOR, file.file_id)
    page = library.catalog.files(OPERATOR, limit=4, order="asc", after=ids[2])
    assert ([f.file_id for f in page.items], page.has_more) == (ids[3:], False)
    assert [f.file_id for f in library.catalog.files(OPERATOR, limit=2).items] == [ids[6], ids[5]]
    assert library.catalog.files(OPERATOR, purpose="batch").items == ()


@pytest.mark.parametrize(("changes", "param"), [({"limit": 0}, "limit"), ({"after": "file-x"}, "after")])
def test_a_bad_page_names_its_parameter(library: Library, changes: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        library.catalog.files(OPERATOR, **changes)  # type: ignore[arg-type]
    assert caught.value.param == param


def test_garbage_is_what_no_row_mentions(library: Library) -> None:
    kept = library.catalog.file_path(library.upload("kept"))
    orphan = library.home / "blobs" / "ab" / ("ab" * 32)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_text("left by a crash")

    assert library.catalog.collect_garbage() == 1
    assert kept.exists()
    assert not orphan.exists()


@pytest.mark.parametrize("name", ["", "  "])
def test_a_file_needs_a_name(library: Library, name: str) -> None:
    with pytest.raises(InvalidInput):
        library.upload("x", filename=name)


def test_control_characters_and_broken_unicode_in_a_name_are_replaced(library: Library) -> None:
    assert library.upload("x", filename="a\x00b\ud800.txt").filename == "a\ufffdb\ufffd.txt"
