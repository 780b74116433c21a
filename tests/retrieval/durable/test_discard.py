"""Deleting one published directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval import durable
from retrieval.errors import Conflict


def fill(directory: Path) -> None:
    (directory / "a").write_text("a")


def test_a_directory_that_nothing_points_to_is_deleted(tmp_path: Path) -> None:
    durable.publish_directory(tmp_path, "one", fill)
    assert durable.discard_directory(tmp_path, "one")
    assert not durable.discard_directory(tmp_path, "one")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "CURRENT"])
def test_only_a_published_directory_is_deleted(tmp_path: Path, name: str) -> None:
    durable.publish_generation(tmp_path / "home", fill)
    assert not durable.discard_directory(tmp_path / "home", name)
    assert durable.open_current(tmp_path / "home") is not None


def test_what_current_mentions_stays(tmp_path: Path) -> None:
    durable.publish_generation(tmp_path, fill)
    with pytest.raises(Conflict):
        durable.discard_directory(tmp_path, "gen-000001")
