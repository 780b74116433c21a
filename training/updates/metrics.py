"""`metrics.jsonl` of a run: one line a step or evaluation, there as soon as it is known."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from retrieval.durable import make_directory, storage_errors, write_file_atomic

METRICS = "metrics.jsonl"


class MetricsLog:
    """Appends to the metrics of a run. What a killed process half wrote is cut off when the run goes on."""

    def __init__(self, run_dir: Path, *, steps: int = 0) -> None:
        """Open the log.

        Args:
            run_dir: Directory of the run; made when absent.
            steps: Steps that the run had done where it goes on; what was recorded after them will be again.
        """
        make_directory(run_dir)
        self._path = run_dir / METRICS
        kept = [line for line in read_metrics(run_dir) if line["step"] <= steps] if steps else []
        write_file_atomic(self._path, b"".join(_line(line) for line in kept))

    def add(self, line: Mapping[str, Any]) -> None:
        """Append a line.

        Args:
            line: Must have "step".

        Raises:
            StorageFull: The disk refused it.
        """
        with storage_errors():
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            with os.fdopen(descriptor, "ab") as stream:
                stream.write(_line(line))


def read_metrics(run_dir: Path) -> list[dict[str, Any]]:
    """Read the metrics of a run; a line that was being written is left out.

    Args:
        run_dir: Directory of the run.

    Returns:
        Its lines; none when there are no metrics yet.
    """
    try:
        lines = (run_dir / METRICS).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            content = json.loads(line)
        except ValueError:
            continue
        if isinstance(content, dict) and isinstance(content.get("step"), int):
            found.append(content)
    return found


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(_plain(content), allow_nan=False).encode() + b"\n"


def _plain(value: Any) -> Any:
    """Give null for what is no number: readers of JSON in other languages refuse NaN."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return None if isinstance(value, float) and not isfinite(value) else value
