"""What a cycle left in its folder, as far as this machine sees it. Nothing that names single records is read out."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.cycles.cycle import Cycle

LOG = "log.txt"
TAIL_LINES = 50
_DATA, _VERDICT = "data.json", "verdict.json"
_METRICS = ("reward", "judge", "update", "query")  # each a file of the job
_NAMING = ("fate",)  # parts of the data card that name single records


@dataclass(frozen=True, slots=True)
class Details:
    """Of one cycle."""

    verdict: dict[str, Any] | None
    metrics: dict[str, Any] | None
    data: dict[str, Any] | None
    log: list[str]


def read_details(cycle: Cycle) -> Details:
    """Read the folder of a cycle; what is not there yet, or is somewhere else, is None.

    Args:
        cycle: Whose folder.

    Returns:
        What is there.
    """
    folder = Path(cycle.directory) if cycle.directory else None
    if folder is None or not folder.is_dir():
        return Details(None, None, None, [])
    data = _read(folder / _DATA)
    metrics = {name: found for name in _METRICS if (found := _read(folder / f"{name}.json")) is not None}
    return Details(
        verdict=_read(folder / _VERDICT),
        metrics=metrics or None,
        data=data and {name: value for name, value in data.items() if name not in _NAMING},
        log=log_tail(cycle, TAIL_LINES),
    )


def log_tail(cycle: Cycle, lines: int) -> list[str]:
    """Give the last lines of a cycle's log; none where it has none yet, or is somewhere else.

    Args:
        cycle: Whose log.
        lines: How many.

    Returns:
        The lines without their ends.
    """
    try:
        with (Path(cycle.directory) / LOG).open(encoding="utf-8", errors="replace") as log:
            return [line.rstrip("\n") for line in deque(log, maxlen=lines)] if cycle.directory else []
    except OSError:
        return []


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):  # a file that is just being replaced is whole: this one is not there, or damaged
        return None
    return found if isinstance(found, dict) else None
