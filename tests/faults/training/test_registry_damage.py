"""Bit rot in the registry: any damaged, truncated or missing file is noticed when a version is to serve, and the
champion before serves instead, saying so. The shipped start is the last resort.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.registry.making import flip_bit, promoted, published
from training.registry import BASE, Registry, Version, VersionDamaged

pytestmark = pytest.mark.fault

FILES = ("adapter/residual.safetensors", "adapter/adapter.json", "card.json", "card.md", "manifest.json")
Damage = Callable[[Path], None]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


@pytest.fixture
def versions(registry: Registry) -> tuple[Version, Version]:
    return promoted(registry, 1), promoted(registry, 2)


def assert_falls_back(registry: Registry, to: str) -> None:
    serving = registry.champion()
    assert serving.is_fallback
    assert serving.version.name == to
    version = published(registry, 3)
    registry.promote(version.name)
    again = registry.champion()
    assert (again.version.name, again.is_fallback) == (version.name, False)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_bit_anywhere_is_noticed(
    registry: Registry, versions: tuple[Version, Version], name: str, seed: int
) -> None:
    rng = random.Random(seed)
    first, second = versions
    assert second.path is not None
    flip_bit(second.path / name, rng.randrange(1 << 20), rng.randrange(8))
    with pytest.raises(VersionDamaged, match=second.name):
        registry.open(second.name)
    assert_falls_back(registry, first.name)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [truncate, empty, Path.unlink])
def test_a_truncated_empty_or_missing_file_is_noticed(
    registry: Registry, versions: tuple[Version, Version], name: str, damage: Damage
) -> None:
    first, second = versions
    assert second.path is not None
    damage(second.path / name)
    assert registry.verify_quietly(second.name)
    assert_falls_back(registry, first.name)


def test_a_missing_version_is_noticed(registry: Registry, versions: tuple[Version, Version]) -> None:
    first, second = versions
    assert second.path is not None
    shutil.rmtree(second.path)
    assert_falls_back(registry, first.name)


def test_when_every_version_is_damaged_the_shipped_start_serves(
    registry: Registry, versions: tuple[Version, Version]
) -> None:
    for version in versions:
        assert version.path is not None
        empty(version.path / "adapter" / "residual.safetensors")
    assert len(registry.champion().problems) == 2
    assert_falls_back(registry, BASE)


def test_going_back_passes_over_what_is_damaged_and_says_so(
    registry: Registry, versions: tuple[Version, Version]
) -> None:
    third = promoted(registry, 3)
    assert versions[1].path is not None
    empty(versions[1].path / "manifest.json")
    registry.rollback(why="votes")
    assert registry.champion().version.name == versions[0].name
    told = registry.aliases().moves[-1]
    assert (told.before, told.after) == (third.name, versions[0].name)
    assert versions[1].name in told.why


@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_bit_in_the_aliases_is_noticed(
    registry: Registry, versions: tuple[Version, Version], seed: int
) -> None:
    rng = random.Random(seed)
    before = registry.aliases().sequence
    flip_bit(registry.root / "ALIASES", rng.randrange(1 << 20), rng.randrange(8))
    assert registry.aliases().sequence >= before
    assert registry.aliases().problem
    assert_falls_back(registry, versions[0].name)
    assert registry.aliases().sequence > before
    assert registry.aliases().problem == ""


@pytest.mark.parametrize("damage", [truncate, empty, Path.unlink])
def test_damaged_or_missing_aliases_give_the_state_before(
    registry: Registry, versions: tuple[Version, Version], damage: Damage
) -> None:
    damage(registry.root / "ALIASES")
    assert_falls_back(registry, versions[0].name)


def test_with_no_aliases_left_nothing_unpromoted_serves(registry: Registry, versions: tuple[Version, Version]) -> None:
    published(registry, 9)
    for name in ("ALIASES", "ALIASES.previous"):
        empty(registry.root / name)
    assert_falls_back(registry, BASE)


def test_damaged_notes_and_numbers_stop_nobody(registry: Registry, versions: tuple[Version, Version]) -> None:
    registry.mark(versions[0].name, "data were erased")
    empty(registry.root / "marks" / f"{versions[0].name}.json")
    empty(registry.root / "LAST")
    assert "damaged" in registry.get(versions[0].name).marks[0].reason
    assert published(registry).number == 3
    registry.mark(versions[0].name, "again")
    assert [mark.reason for mark in registry.get(versions[0].name).marks][-1] == "again"
