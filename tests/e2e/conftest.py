"""One whole Groundloop for the tests that only talk to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.running import RunningGroundloop, free_port


@pytest.fixture(scope="session")
def groundloop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGroundloop]:
    """Start everything on a home of its own, without the documentation; stop it at the end."""
    running = RunningGroundloop(tmp_path_factory.mktemp("groundloop") / "home", free_port(), "--no-docs")
    try:
        running.wait_for("ready")
        yield running
        running.stop()
    finally:
        running.destroy()
