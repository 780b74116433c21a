"""A filled catalog for the index tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.embed import QueryEncoder
from retrieval.search import Searcher
from tests.retrieval.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Give an empty catalog with a shortcut to fill it."""
    made = Library(tmp_path)
    yield made
    made.catalog.close()


@pytest.fixture
def searcher(library: Library) -> Iterator[Searcher]:
    """Give a searcher over the library."""
    encoder = QueryEncoder(library.embedder)
    with Searcher(library.catalog, library.indexes, lambda _model: encoder) as made:
        yield made
    encoder.close()
