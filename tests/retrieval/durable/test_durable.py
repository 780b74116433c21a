"""Durable writes: whole or absent, described, and found again when something newer is damaged."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from retrieval import durable
from retrieval.errors import Conflict, IndexCorrupt, InvalidInput

Fill = Callable[[Path], None]


def filler(text: str) -> Fill:
    """Write one file at the top and one below."""

    def fill(directory: Path) -> None:
        (directory / "data.bin").write_text(text)
        (directory / "sub").mkdir()
        (directory / "sub" / "more.bin").write_text(text * 2)

    return fill


def test_a_generation_describes_itself(tmp_path: Path) -> None:
    durable.publish_generation(tmp_path, filler("one"))
    manifest = durable.publish_generation(
        tmp_path, filler("two"), parents=("gen-000001",), metadata={"model": ("m", 1)}
    )

    found = durable.open_current(tmp_path)
    assert found is not None
    assert (found.path.name, found.is_fallback) == ("gen-000002", False)
    assert found.manifest.files == manifest.files
    assert set(manifest.files) == {"data.bin", "sub/more.bin"}
    assert found.manifest.parents == ("gen-000001",)
    assert found.manifest.metadata == {"model": ["m", 1]}
    assert (found.path / "sub" / "more.bin").read_text() == "twotwo"


def test_nothing_published_is_not_an_error(tmp_path: Path) -> None:
    assert durable.open_current(tmp_path) is None
    assert durable.open_current(tmp_path / "absent") is None
    assert durable.read_pointer(tmp_path) is None


def test_a_failing_fill_leaves_nothing(tmp_path: Path) -> None:
    def fill(directory: Path) -> None:
        (directory / "half").write_text("x")
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        durable.publish_generation(tmp_path, fill)
    assert list(tmp_path.iterdir()) == []


def test_a_version_is_published_before_it_is_pointed_to(tmp_path: Path) -> None:
    durable.publish_directory(tmp_path, "v1", filler("one"))
    assert durable.open_current(tmp_path) is None
    durable.swap_pointer(tmp_path, "v1")
    durable.publish_directory(tmp_path, "v2", filler("two"))
    assert durable.read_pointer(tmp_path) == "v1"
    durable.swap_pointer(tmp_path, "v2")
    durable.swap_pointer(tmp_path, "v1")
    assert durable.read_pointer(tmp_path) == "v1"
    with pytest.raises(Conflict):
        durable.publish_directory(tmp_path, "v2", filler("again"))


def test_only_something_whole_can_be_pointed_to(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        durable.swap_pointer(tmp_path, "nothing")
    durable.publish_directory(tmp_path, "v1", filler("one"))
    (tmp_path / "v1" / "data.bin").unlink()
    with pytest.raises(InvalidInput):
        durable.swap_pointer(tmp_path, "v1")


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a b"])
def test_names_are_safe(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput):
        durable.publish_directory(tmp_path, name, filler("x"))


def test_the_manifest_name_is_ours(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        durable.publish_generation(tmp_path, lambda d: (d / "manifest.json").write_text("{}"))


def test_leftovers_of_a_crash_do_not_block_and_go_away(tmp_path: Path) -> None:
    """A complete generation that was never pointed to, a half-filled one, and a half-deleted one."""
    durable.publish_generation(tmp_path, filler("one"))
    durable.publish_directory(tmp_path, "gen-000002", filler("orphan"))
    for name in (".tmp-dead", ".trash-dead"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text("x")

    assert durable.publish_generation(tmp_path, filler("three")).name == "gen-000003"

    assert not list(tmp_path.glob(".t*"))
    durable.publish_directory(tmp_path, "gen-000002", filler("now"))  # never mentioned: gives way
    assert (tmp_path / "gen-000002" / "data.bin").read_text() == "now"


def test_an_unpointed_generation_never_serves(tmp_path: Path) -> None:
    durable.publish_generation(tmp_path, filler("one"))
    durable.publish_directory(tmp_path, "gen-000009", filler("never promoted"))
    (tmp_path / "gen-000001" / "data.bin").write_text("damaged")
    with pytest.raises(IndexCorrupt):
        durable.open_current(tmp_path)


def test_prune_keeps_the_newest_that_served(tmp_path: Path) -> None:
    for n in range(5):
        durable.publish_generation(tmp_path, filler(str(n)))
    durable.publish_directory(tmp_path, "gen-000009", filler("about to be pointed to"))
    assert sorted(durable.prune(tmp_path, 2)) == ["gen-000001", "gen-000002", "gen-000003"]
    (tmp_path / "gen-000005" / "data.bin").write_text("damaged")
    found = durable.open_current(tmp_path)
    assert found is not None
    assert (found.path.name, found.is_fallback) == ("gen-000004", True)
    assert durable.publish_generation(tmp_path, filler("next")).name == "gen-000010"


def test_publishers_at_once_all_succeed(tmp_path: Path) -> None:
    threads = [threading.Thread(target=durable.publish_generation, args=(tmp_path, filler(str(n)))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert durable.read_pointer(tmp_path) == "gen-000008"
    for n in range(1, 9):
        durable.verify_directory(tmp_path / f"gen-{n:06d}")


def test_a_slow_publisher_is_not_taken_for_a_dead_one(tmp_path: Path) -> None:
    def slow(directory: Path) -> None:
        (directory / "a").write_text("a")
        durable.publish_generation(tmp_path, filler("fast"))
        (directory / "b").write_text("b")

    assert set(durable.publish_generation(tmp_path, slow).files) == {"a", "b"}


def test_a_file_is_replaced_atomically_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "key"
    durable.write_file_atomic(path, b"one", mode=0o600)
    durable.write_file_atomic(path, b"two", mode=0o600)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["key"]


def test_a_newer_format_is_refused_by_name(tmp_path: Path) -> None:
    durable.publish_directory(tmp_path, "v1", filler("one"))
    manifest = tmp_path / "v1" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 99}))
    with pytest.raises(IndexCorrupt):
        durable.verify_directory(tmp_path / "v1")
