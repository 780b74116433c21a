"""Heavy processes stand behind those that answer, and training behind ingestion."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from service.jobs.spawned import LEAST, NICENESS, spawn

SAYS = "import os, pathlib; group = pathlib.Path('/proc/self/autogroup')"
SAYS += "; print(os.nice(0), group.read_text() if group.exists() else '')"


@pytest.mark.parametrize("niceness", [NICENESS, LEAST])
def test_gives_way_as_far_as_asked_with_its_whole_session(tmp_path: Path, niceness: int) -> None:
    command = [sys.executable, "-c", f"from service.jobs.spawned import give_way; give_way({niceness}); {SAYS}"]
    assert spawn(command, {}, log=tmp_path / "log").wait(60) == 0
    nice, *group = (tmp_path / "log").read_text().split()
    assert int(nice) == niceness
    assert not group or int(group[-1]) == niceness
