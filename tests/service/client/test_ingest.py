"""Bringing files in: what is sent, what is skipped, what is told."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from service.client.errors import Refused
from service.client.folder import LocalFile, local_files, supported
from service.client.ingest import FileResult, Progress, find_or_create_collection, ingest
from tests.service.client.server import Fake


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "handbook"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.md").write_text("alpha")
    (folder / "deep" / "a.md").write_text("another alpha")
    (folder / ".hidden").write_text("no")
    return folder


def bring(fake: Fake, *paths: Path, delete_missing: bool = False) -> dict[str, FileResult]:
    quiet = Progress(lambda file: None, lambda source, stage, percent: None, lambda result: None)
    with fake.client() as server:
        collection = find_or_create_collection(server, "docs")
        files = local_files(paths)
        results = ingest(server, collection, files, quiet, supported=supported, delete_missing=delete_missing)
    return {result.source: result for result in results}


def test_names_keep_the_folder_so_that_equal_names_do_not_replace_each_other(folder: Path) -> None:
    fake = Fake()
    results = bring(fake, folder)
    assert set(results) == {"handbook/a.md", "handbook/deep/a.md"}
    assert {result.outcome for result in results.values()} == {"completed"}
    assert set(fake.files.values()) == {"handbook/a.md", "handbook/deep/a.md"}


def test_unchanged_files_are_not_sent_again_and_changed_ones_are(folder: Path) -> None:
    fake = Fake()
    bring(fake, folder)
    (folder / "a.md").write_text("alpha, changed")
    results = bring(fake, folder)
    assert results["handbook/a.md"].outcome == "completed"
    assert results["handbook/deep/a.md"].outcome == "unchanged"
    assert fake.uploads() == 3


def test_a_file_that_failed_is_named_with_its_reason_and_tried_again(folder: Path) -> None:
    fake = Fake()
    (folder / "bad.pdf").write_bytes(b"%PDF")
    first = bring(fake, folder)["handbook/bad.pdf"]
    assert (first.outcome, first.reason) == ("failed", "it is encrypted")
    bring(fake, folder)
    assert sum("bad" in str(one["attributes"]["source"]) for one in fake.documents.values()) == 1


def test_what_was_interrupted_is_followed_and_not_sent_twice(folder: Path) -> None:
    fake = Fake()
    bring(fake, folder)
    for document in fake.documents.values():
        document.update(status="in_progress", looks=0)
    results = bring(fake, folder)
    assert {result.outcome for result in results.values()} == {"completed"}
    assert fake.uploads() == 2


def test_unsupported_files_are_told_and_not_sent(folder: Path) -> None:
    fake = Fake()
    (folder / "film.mp4").write_bytes(b"x")
    assert bring(fake, folder)["handbook/film.mp4"].outcome == "unsupported"
    assert fake.uploads() == 2


def test_files_that_are_gone_are_deleted_only_when_asked(folder: Path) -> None:
    fake = Fake()
    bring(fake, folder)
    (folder / "a.md").unlink()
    assert len(fake.documents) == 2
    bring(fake, folder)
    assert len(fake.documents) == 2
    assert bring(fake, folder, delete_missing=True)["handbook/a.md"].outcome == "deleted"
    assert len(fake.documents) == 1


def test_a_file_that_cannot_be_read_or_is_refused_does_not_stop_the_others(folder: Path) -> None:
    refusal = httpx.Response(400, json={"error": {"message": "the file is empty"}})
    quiet = Progress(lambda file: None, lambda source, stage, percent: None, lambda result: None)
    (folder / "z.md").write_text("omega")
    files = local_files([folder])
    (folder / "a.md").unlink()
    fake = Fake(stores={"vs_0": "docs"})
    with fake.client() as server:
        server.call("GET", "/v1/vector_stores/vs_0/files")
        fake.refusals.extend([httpx.Response(200, json={"data": [], "has_more": False}), refusal])
        results = ingest(server, "vs_0", files, quiet, supported=supported)
    assert [(result.outcome, result.reason) for result in results] == [
        ("failed", "cannot be read: No such file or directory"),
        ("failed", "the file is empty"),
        ("completed", None),
    ]


def test_a_key_that_sends_too_much_waits_as_told(folder: Path) -> None:
    slow = httpx.Response(429, headers={"Retry-After": "0"}, json={"error": {"message": "slowly"}})
    fake = Fake(refusals=[slow, slow])
    assert bring(fake, folder)["handbook/a.md"].outcome == "completed"


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for parent in ("one", "two"):
        (tmp_path / parent).mkdir()
        (tmp_path / parent / "a.md").write_text(parent)
    with pytest.raises(Refused, match=r"both be named a\.md"):
        local_files([tmp_path / "one" / "a.md", tmp_path / "two" / "a.md"])


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="does not exist"):
        local_files([tmp_path / "nowhere"])


def test_one_file_is_named_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("a")
    assert local_files([tmp_path / "a.md"]) == [LocalFile(tmp_path / "a.md", "a.md")]
