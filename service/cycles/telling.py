"""What a job's directory tells of it, as fields of the cycle's row."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.pipeline.job import DATA, VERSION
from training.pipeline.state import JobState, read_state
from training.pipeline.verdicts import VERDICT


def state_of(directory: Path) -> JobState | None:
    """Read where a job stands; None when it never started or what it wrote cannot be read."""
    try:
        return read_state(directory)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def progress_of(directory: Path) -> dict[str, Any]:
    """Give step, progress and steps; nothing before it has started."""
    state = state_of(directory)
    if state is None:
        return {}
    return {"step": state.step, "progress": state.done, "steps": [asdict(step) for step in state.steps]}


def findings_of(directory: Path) -> dict[str, Any]:
    """Give what it found as far as it came: counts of records, and the verdict."""
    told: dict[str, Any] = {}
    if (data := _read(directory / DATA)) is not None:
        told["counts"] = {name: value for name, value in data.items() if name != "fate"}  # that names single records
    if (verdict := _read(directory / VERDICT)) is not None:
        told["verdict"] = verdict
    return {**progress_of(directory), **told}


def version_of(directory: Path) -> str:
    """Give the version that it published, empty where it has not yet."""
    return str((_read(directory / VERSION) or {}).get("version", ""))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
