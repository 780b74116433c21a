"""Fences: which attempt at a job may still publish.

fences/<job>     the highest token of any attempt that was begun, as a number

An attempt that was given up for dead may live on: paused, cut off, or slow. The one that follows raises the fence
first, and from then on the registry refuses what the older one brings. Whoever uses this holds the registry's lock.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from retrieval.durable import make_directory, write_file_atomic
from training.registry.errors import StaleWriter

FENCES = "fences"


@dataclass(frozen=True, slots=True)
class Fence:
    """One attempt at a job."""

    job: str  # a name that no other job has
    token: int  # grows with every attempt


def highest(root: Path, job: str) -> int:
    """Give the highest token seen of a job, 0 when none was."""
    try:
        return int(_path(root, job).read_text())
    except FileNotFoundError:
        return 0


def raise_fence(root: Path, fence: Fence) -> None:
    """Let an attempt pass and every older one no more.

    Args:
        root: The registry's folder.
        fence: The attempt.

    Raises:
        StaleWriter: A newer one has begun.
        StorageFull: The disk is full.
    """
    seen = highest(root, fence.job)
    if seen > fence.token:
        raise StaleWriter(f"attempt {fence.token} at {fence.job} was given up for dead, and attempt {seen} goes on")
    if seen < fence.token:
        make_directory(root / FENCES)
        write_file_atomic(_path(root, fence.job), f"{fence.token}\n".encode())


def _path(root: Path, job: str) -> Path:
    """Name the file so that no name of a job leaves the folder."""
    return root / FENCES / hashlib.sha256(job.encode()).hexdigest()[:32]
