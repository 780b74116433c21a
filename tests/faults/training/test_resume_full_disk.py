"""A full disk at a checkpoint: a typed error, the last good one readable, and the run goes on when there is room."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from retrieval.durable import open_current
from retrieval.errors import StorageFull
from tests.faults.training.update_child import train
from training.updates import loop
from training.updates.checkpoint import CHECKPOINTS, Checkpoint, write_checkpoint

pytestmark = pytest.mark.fault
DISK_BYTES = 2 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of two megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small file system")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(directory: Path) -> Path:
    """Write until the disk is full."""
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(b"x" * 4096)
    return ballast


@pytest.mark.parametrize("good", [1, 4])
def test_a_checkpoint_that_does_not_fit_leaves_the_one_before(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: int
) -> None:
    run, written = small_disk / "run", 0

    def write(run_dir: Path, checkpoint: Checkpoint, mark: str) -> None:
        nonlocal written
        if written == good:
            fill(small_disk)
        write_checkpoint(run_dir, checkpoint, mark)
        written += 1

    with monkeypatch.context() as patched:
        patched.setattr(loop, "write_checkpoint", write)
        with pytest.raises(StorageFull):
            train(run)
    found = open_current(run / CHECKPOINTS)
    assert found is not None
    assert not found.is_fallback
    assert found.manifest.metadata["step"] == 2 * good
    (small_disk / "ballast").unlink()
    assert train(run) == train(tmp_path / "whole")
