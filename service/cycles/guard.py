"""Watches a training process: it ends, or it is ended with its whole group, and one word says why."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from service.jobs.spawned import kill_group

POLL_S = 0.25
MEMORY_EVERY_S = 1.0
STOP_GRACE_S = 20.0  # for the checkpoint at hand; longer than a step of any method that is meant for this machine
MIB = 1024 * 1024

Word = Literal["over", "stopped", "cancelled", "lost", "silent", "late", "large"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one attempt may take."""

    silence_s: float
    wall_s: float
    memory_bytes: int  # resident, of the process and its descendants together
    stop_grace_s: float = STOP_GRACE_S


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: by itself (`over`), or by our hand."""

    word: Word
    status: int  # exit status; -9 for SIGKILL and so on
    why: str = ""


def watch(
    process: subprocess.Popen[bytes],
    sign: Path,
    limits: Limits,
    *,
    heard: Callable[[], str],
    stopping: Callable[[], bool],
) -> Outcome:
    """Stay with a process until it is gone, and its group with it.

    Only changes of the sign count, by our own monotonic clock, so a clock that jumps kills nobody.

    Args:
        process: The leader of a process group.
        sign: A file that the process replaces as it makes progress.
        limits: What it may take.
        heard: Gives `kept`, `cancelled` or `lost`: whether the work is still ours to do.
        stopping: Tells whether we are to leave; then it gets SIGTERM, and after the grace SIGKILL.

    Returns:
        How it ended.
    """
    began = changed = time.monotonic()
    measured, last = 0.0, _stamp(sign)
    told_to_stop = 0.0
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return Outcome("stopped" if told_to_stop else "over", process.wait(POLL_S))
            now = time.monotonic()
            if (stamp := _stamp(sign)) != last:
                last, changed = stamp, now
            word, why = _verdict(heard(), now - changed, now - began, limits)
            if word is None and now - measured >= MEMORY_EVERY_S:
                measured = now
                if (used := resident_bytes(process.pid)) > limits.memory_bytes:
                    word, why = "large", f"it took {used // MIB} MiB, and {limits.memory_bytes // MIB} MiB are allowed"
            if word is not None:
                return _end(process, word, why)
            if stopping() and not told_to_stop:
                told_to_stop = now
                process.terminate()
            elif told_to_stop and now - told_to_stop > limits.stop_grace_s:
                return _end(process, "stopped", "it was killed, because its next checkpoint did not come in time")
    finally:
        kill_group(process.pid)  # also what the leader left behind


def resident_bytes(pid: int) -> int:
    """Give the resident memory of a process and its descendants; pages that they share count for each."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        leader = psutil.Process(pid)
        for process in (leader, *leader.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
    return total


def _verdict(heard: str, silent_s: float, age_s: float, limits: Limits) -> tuple[Word | None, str]:
    if heard == "lost":
        return "lost", "another worker has it"
    if heard == "cancelled":
        return "cancelled", ""
    if silent_s > limits.silence_s:
        return "silent", f"it showed no progress for {limits.silence_s:.0f} s"
    if age_s > limits.wall_s:
        return "late", f"it ran longer than {limits.wall_s:.0f} s"
    return None, ""


def _end(process: subprocess.Popen[bytes], word: Word, why: str) -> Outcome:
    kill_group(process.pid)
    return Outcome(word, process.wait(), why)


def _stamp(sign: Path) -> int:
    try:
        return sign.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
