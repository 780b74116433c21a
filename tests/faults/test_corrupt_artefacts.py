"""Bit rot: any damaged, truncated or missing file of a generation is noticed, and the one before is read instead."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from retrieval import durable
from retrieval.errors import IndexCorrupt

pytestmark = pytest.mark.fault

FILES = ("vectors.faiss", "lexical/segment", "manifest.json")
Damage = Callable[[Path], None]


def filler(seed: int) -> Callable[[Path], None]:
    def fill(directory: Path) -> None:
        rng = random.Random(seed)
        (directory / "vectors.faiss").write_bytes(rng.randbytes(20_000))
        (directory / "lexical").mkdir()
        (directory / "lexical" / "segment").write_bytes(rng.randbytes(3_000))

    return fill


def flip(rng: random.Random) -> Damage:
    def damage(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)

    return damage


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    for seed in range(2):
        durable.publish_generation(tmp_path, filler(seed), metadata={"seed": seed, "note": "x" * 200})
    return tmp_path


def assert_falls_back(parent: Path) -> None:
    found = durable.open_current(parent)
    assert found is not None
    assert found.path.name == "gen-000001"
    assert found.is_fallback
    durable.publish_generation(parent, filler(9))
    again = durable.open_current(parent)
    assert again is not None
    assert (again.path.name, again.is_fallback) == ("gen-000003", False)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_bit_anywhere_is_noticed(parent: Path, name: str, seed: int) -> None:
    flip(random.Random(seed))(parent / "gen-000002" / name)
    assert_falls_back(parent)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [truncate, empty, Path.unlink])
def test_a_truncated_empty_or_missing_file_is_noticed(parent: Path, name: str, damage: Damage) -> None:
    damage(parent / "gen-000002" / name)
    assert_falls_back(parent)


def test_a_missing_generation_is_noticed(parent: Path) -> None:
    shutil.rmtree(parent / "gen-000002")
    assert_falls_back(parent)


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_pointer_is_noticed_and_something_whole_is_read(parent: Path, seed: int) -> None:
    flip(random.Random(seed))(parent / "CURRENT")
    found = durable.open_current(parent)
    assert found is not None
    assert found.is_fallback
    durable.publish_generation(parent, filler(9))
    again = durable.open_current(parent)
    assert again is not None
    assert not again.is_fallback


def test_an_empty_pointer_is_noticed(parent: Path) -> None:
    empty(parent / "CURRENT")
    found = durable.open_current(parent)
    assert found is not None
    assert (found.path.name, found.is_fallback) == ("gen-000002", True)


def test_when_nothing_is_whole_it_says_what_is_wrong(parent: Path) -> None:
    for name in ("gen-000001", "gen-000002"):
        empty(parent / name / "vectors.faiss")
    with pytest.raises(IndexCorrupt, match=r"vectors\.faiss has 0 bytes"):
        durable.open_current(parent)
