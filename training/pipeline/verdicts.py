"""The verdict of a job as it lies in its directory."""

from __future__ import annotations

import json
from pathlib import Path

VERDICT = "verdict.json"


def read_verdict(directory: Path) -> str | None:
    """Give the verdict of a job for people.

    Args:
        directory: The job's directory.

    Returns:
        Markdown; None when it did not come to a verdict.
    """
    from training.gate.verdict import Verdict

    try:
        return Verdict.from_dict(json.loads((directory / VERDICT).read_text())).markdown()
    except FileNotFoundError:
        return None
