"""An empty library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.retrieval.catalog.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Open a new catalog."""
    made = Library(tmp_path / "home")
    yield made
    made.catalog.close()
