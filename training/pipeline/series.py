"""Curves of a job as it runs: losses, accuracies, distances, times. For people who watch; nothing is decided by them.

JOB/metrics.jsonl holds those of the stages that keep no record of their own, one point a line, appended and not synced:
a killed machine loses some points and nothing else. A stage that is done again begins its curves anew, so no point is
there twice. The policy's runs have a record of every step (`training/updates/metrics.py`), and are read from there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from retrieval.durable import storage_errors, write_file_atomic

METRICS = "metrics.jsonl"
MOST_POINTS = 1000  # of a curve, as it is read; written are half as many more for each doubling beyond
RUNS = {"update": "update", "update-whole": "whole window"}  # folders of the policy's runs: their stages
_MOST_BYTES = 8 << 20  # read of one file; of a larger one every second, third, ... line
_OWN = ("kl", "words", "abstained", "distinct", "reward")  # about the policy's own answers: at a look, or drawn by PPO
_NOT_FIGURES = ("step", "look", "figures", "answers", "kl_error", "words_error")
_UNITS = {
    "accuracy": "share",
    "abstained": "share",
    "actions_per_s": "1/s",
    "candidate_ms": "ms",
    "champion_ms": "ms",
    "changed": "share",
    "distinct": "share",
    "down_gain": "nats",
    "drift": "nats",
    "kl": "nats",
    "loss": "nats",
    "margin": "nats",
    "seconds": "s",
    "up_gain": "nats",
    "win_rate": "share",
    "words": "words",
}


@dataclass(frozen=True, slots=True)
class Series:
    """One curve."""

    name: str
    step: str  # the stage of the job
    unit: str
    x: str  # what is counted along it: step, iteration, prompt, judgement
    points: tuple[tuple[float, float], ...]  # at most `MOST_POINTS`, in order of x


@dataclass
class SeriesLog:
    """Writes the curves of one part of a stage: those of an earlier try at it are taken out first. One thread."""

    directory: Path
    step: str
    x: str = "step"
    part: str = ""  # such as one of several models of a stage; stands before the names
    _seen: dict[str, int] = field(default_factory=dict)
    _path: Path = field(init=False)

    def __post_init__(self) -> None:
        """Take out what an earlier try wrote, and a line that it did not finish."""
        self._path = self.directory / METRICS
        mine = (self.step, self.part)
        kept = [line for line in _lines(self._path) if (line.get("step"), line.get("part")) != mine]
        write_file_atomic(self._path, b"".join(map(_encoded, kept)))

    def add(self, name: str, x: float, y: float) -> None:
        """Append a point, where the curve has not too many; what is not finite is left out.

        Args:
            name: Of the curve.
            x: Where.
            y: How much.

        Raises:
            StorageFull: The disk refused it.
        """
        seen = self._seen[name] = self._seen.get(name, 0) + 1
        stride = 1 << ((seen - 1) // MOST_POINTS).bit_length()
        if (seen - 1) % stride or not (isfinite(x) and isfinite(y)):
            return
        line = {"step": self.step, "part": self.part, "name": name, "along": self.x, "x": x, "y": y}
        with storage_errors():
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            with os.fdopen(descriptor, "ab") as stream:
                stream.write(_encoded(line))


def read_series(directory: Path) -> list[Series]:
    """Read the curves of a job, also while it runs.

    Args:
        directory: The job's directory.

    Returns:
        The curves by stage, in the order in which they began; none where nothing was measured yet.
    """
    found: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    for line in _lines(directory / METRICS):
        try:
            name = f"{line['part']} {line['name']}".strip()
            found.setdefault((str(line["step"]), name, str(line["along"])), []).append(_point(line["x"], line["y"]))
        except (KeyError, TypeError, ValueError):
            continue
    for folder, step in RUNS.items():
        for line in _lines(directory / folder / METRICS):
            for name, y in _of_run(line):
                found.setdefault((step, name, "step"), []).append(_point(line["step"], y))
    return [Series(name, step, _unit(name), along, _thinned(points)) for (step, name, along), points in found.items()]


def _of_run(line: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Give the figures of a line of a run. What a look found on held-out judgements is named so."""
    if not isinstance(line.get("step"), int):
        return
    if line.get("look"):
        figures = line.get("figures")
        seen = {**line, **(figures if isinstance(figures, dict) else {})}
        told = {name if name in _OWN else f"held_out_{name}": y for name, y in seen.items() if name not in _NOT_FIGURES}
    else:
        told = {f"drawn_{name}" if name in _OWN else name: y for name, y in line.items() if name not in _NOT_FIGURES}
    for name, value in told.items():
        if isinstance(value, int | float) and isfinite(value):
            yield name, float(value)


def _unit(name: str) -> str:
    plain = name.rpartition(" ")[2].removeprefix("held_out_").removeprefix("drawn_")
    return _UNITS.get("loss" if plain.startswith("loss_") else plain, "")


def _point(x: Any, y: Any) -> tuple[float, float]:
    return float(x), float(y)


def _thinned(points: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Keep every second, third, ... point, and the last one."""
    stride = -(-len(points) // (MOST_POINTS - 1))
    return tuple(points) if len(points) <= MOST_POINTS else (*points[:-1:stride], points[-1])


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Give the lines of a file that are whole; only some of a very long one."""
    try:
        stride = 1 + path.stat().st_size // _MOST_BYTES
        with path.open("rb") as stream:
            for number, line in enumerate(stream):
                if number % stride:
                    continue
                try:
                    content = json.loads(line)
                except ValueError:
                    continue
                if isinstance(content, dict):
                    yield content
    except FileNotFoundError:
        return


def _encoded(content: dict[str, Any]) -> bytes:
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode() + b"\n"
