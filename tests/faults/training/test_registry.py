"""The registry under SIGKILL, rivals and a full disk.

After each: nothing that was acknowledged is lost, everything is still readable, and the next operation succeeds.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.errors import StorageFull
from tests.faults.test_full_disk import fill_disk
from tests.faults.training.registry_child import card, content, cycle
from training.registry import BASE, Registry

pytestmark = pytest.mark.fault

KILLS = 20
LONGEST_S = 0.150


def start(root: Path, who: str, first: int, rounds: int) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.training.registry_child", str(root), who, str(first), str(rounds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def go(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def finish(child: subprocess.Popen[str]) -> list[list[str]]:
    """Give what it said, without a line it could not end."""
    assert child.stdout is not None
    assert child.stdin is not None
    said = child.stdout.read().split("\n")[:-1]
    child.stdin.close()
    child.stdout.close()
    child.wait()
    return [line.split() for line in said]


def assert_whole(registry: Registry, seeds: dict[str, int]) -> None:
    """Every acknowledged version is there, byte for byte, and every version verifies."""
    assert not {name: problem for name, problem in registry.verify().items() if problem}
    for name, seed in seeds.items():
        version = registry.open(name)
        assert version.path is not None
        for relative, data in content(seed).items():
            assert (version.path / relative).read_bytes() == data


def test_killed_while_publishing_and_promoting(tmp_path: Path) -> None:
    rng = random.Random(2)
    registry = Registry(tmp_path / "registry")
    seeds: dict[str, int] = {}
    sequence = promotions = 0
    for round_ in range(KILLS):
        child = start(registry.root, "child", 1000 * (round_ + 1), 1000)
        go(child)
        time.sleep(rng.uniform(0, LONGEST_S))
        child.kill()
        for what, name, number in [line for line in finish(child) if line[0] != "stale"]:
            if what == "published":
                assert name not in seeds  # a number is never given out twice
                seeds[name] = int(number)
            else:
                promotions += 1
                sequence, last = int(number), name

        serving = registry.champion()
        assert not serving.is_fallback
        assert serving.sequence >= sequence
        assert registry.aliases().problem == ""
        if serving.sequence == sequence and sequence:
            assert serving.version.name == last
        assert_whole(registry, seeds)

        version = registry.publish(content(round_), card(round_, registry.alias("champion") or ""))
        assert version.name not in seeds
        seeds[version.name], last = round_, version.name
        sequence = registry.promote(version.name).sequence
        assert registry.champion().version.name == version.name
    assert promotions > 0, "no child lived long enough to promote anything"
    assert len(registry.aliases().moves) == registry.aliases().sequence


def test_rivals_never_overwrite_each_other(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry")
    children = [start(registry.root, f"rival {at}", 100 * (at + 1), 15) for at in range(2)]
    for child in children:
        go(child)
    said = [line for child in children for line in finish(child)]
    promoted = {int(number): name for what, name, number in (x for x in said if x[0] == "promoted")}
    published = [line[1] for line in said if line[0] == "published"]
    assert len(published) == len(set(published)) == 30
    # Every acknowledged move is in the history, in its place; whoever came too late was told.
    moves = registry.aliases().moves
    assert {move.sequence: move.after for move in moves} == promoted
    assert len(promoted) + sum(line[0] == "stale" for line in said) == 30
    assert any(line[0] == "stale" for line in said)
    assert registry.champion().version.name == promoted[max(promoted)]
    cycle(registry, 7, "next")
    assert len(registry.aliases().moves) == len(moves) + 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of one megabyte."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small file system")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


@pytest.mark.parametrize("leave", [0, 4096, 8192, 16384, 32768, 40960])
def test_a_version_that_does_not_fit_is_not_there(small_disk: Path, leave: int) -> None:
    registry = Registry(small_disk / "registry")
    cycle(registry, 1, "test")
    before = registry.alias("champion")
    ballast = fill_disk(small_disk, leave)
    with pytest.raises(StorageFull):
        registry.publish(content(2), card(2, str(before)))
    assert [line.name for line in registry.list()] == [before, BASE]
    assert registry.champion().version.name == before
    assert not registry.champion().is_fallback
    ballast.unlink()
    cycle(registry, 3, "test")
    assert registry.champion().version.name != before


@pytest.mark.parametrize("leave", [0, 4096])
def test_a_promotion_that_does_not_fit_did_not_happen(small_disk: Path, leave: int) -> None:
    registry = Registry(small_disk / "registry")
    cycle(registry, 1, "test")
    version = registry.publish(content(2), card(2, str(registry.alias("champion"))))
    state = registry.aliases()
    ballast = fill_disk(small_disk, leave)
    try:
        registry.promote(version.name, expected=state.sequence)
        happened = True
    except StorageFull:
        happened = False
    assert registry.aliases().problem == ""
    assert (registry.alias("champion") == version.name) == happened
    assert registry.champion().is_fallback is False
    ballast.unlink()
    if not happened:
        registry.promote(version.name, expected=state.sequence)
    assert registry.champion().version.name == version.name


def test_a_file_size_limit_counts_as_a_full_disk(tmp_path: Path) -> None:
    """The same through a quota, which needs no rights: the limit is set in a child."""
    program = f"""
import resource, sys
from pathlib import Path
from retrieval.errors import StorageFull
from tests.faults.training.registry_child import card, content, cycle
from training.registry import Registry
registry = Registry(Path({str(tmp_path)!r}) / "registry")
cycle(registry, 1, "child")
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, {resource.RLIM_INFINITY}))
try:
    cycle(registry, 2, "child")
except StorageFull:
    sys.exit(7)
"""
    child = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert child.returncode == 7, child.stderr
    registry = Registry(tmp_path / "registry")
    assert registry.alias("champion") == "v000001-extractive"
    assert set(registry.verify()) == {"v000001-extractive"}
    cycle(registry, 3, "test")
    assert registry.champion().version.card.seed == 3
