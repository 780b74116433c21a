"""Which index the settings mean, and what callers see while its engine is away."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from retrieval.errors import IndexUnavailable
from retrieval.index.local import LocalIndex
from retrieval.milvus import MilvusIndex
from service.errors import as_api_error
from service.indexes import index_backend
from service.settings import Settings


def test_the_local_index_is_the_default(tmp_path: Path) -> None:
    assert isinstance(index_backend(Settings(home=tmp_path)), LocalIndex)


def test_milvus_is_not_asked_before_it_is_needed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, index="milvus", milvus_uri="http://127.0.0.1:9", milvus_token="root:secret")
    assert isinstance(index_backend(settings), MilvusIndex)
    assert "secret" not in repr(settings)


@pytest.mark.parametrize("uri", [None, "", "milvus.db", "/var/lib/milvus.db", "localhost:19530"])
def test_milvus_needs_a_server(tmp_path: Path, uri: str | None) -> None:
    with pytest.raises(ValidationError, match="GROUNDLOOP_MILVUS_URI"):
        Settings(home=tmp_path, index="milvus", milvus_uri=uri)


@pytest.mark.parametrize("prefix", ["", "1st", "with-dash", "x" * 41])
def test_a_prefix_is_one_that_milvus_takes(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(ValidationError, match="milvus_prefix"):
        Settings(home=tmp_path, milvus_prefix=prefix)


def test_an_engine_that_is_away_is_a_503_that_says_so() -> None:
    error = as_api_error(IndexUnavailable("Milvus does not answer as it should: root:secret@host refused"))
    assert error is not None
    assert (error.status, error.code, error.retry_after_s) == (503, "search_unavailable", 5)
    assert "secret" not in error.message
