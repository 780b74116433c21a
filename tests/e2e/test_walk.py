"""The walk in the docs is run as it is written: every block, in order, against a real `groundloop up`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.running import RunningGroundloop

WALK = Path(__file__).resolve().parents[2] / "docs" / "walk.md"


def walk_script(markdown: str) -> str:
    """Join the runnable blocks into one shell script; a python block becomes a here-document of this interpreter."""
    script = ["set -euo pipefail"]
    for language, body in re.findall(r"^```(bash|python)\n(.*?)^```$", markdown, flags=re.MULTILINE | re.DOTALL):
        script.append(body if language == "bash" else f"{sys.executable} - <<'PYTHON_BLOCK'\n{body}PYTHON_BLOCK\n")
    return "\n".join(script)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_walk_works_as_written(groundloop: RunningGroundloop, tmp_path: Path) -> None:
    script = walk_script(WALK.read_text()).replace("/tmp/handbook.md", str(tmp_path / "handbook.md"))
    environment = {**os.environ, "GROUNDLOOP_URL": groundloop.url, "GROUNDLOOP_API_KEY": groundloop.key}
    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "within 30 days" in done.stdout
    assert "18:00" in done.stdout
    assert '"verified": true' in done.stdout
    assert "I could not find that in the documents." in done.stdout
    assert '"prompt"' in done.stdout
    assert '"chosen"' in done.stdout
