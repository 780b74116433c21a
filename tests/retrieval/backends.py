"""The backends that the contract tests run on: this machine's disk, and Milvus where it is installed."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retrieval.index.base import Backend
from retrieval.index.local import LocalIndex
from retrieval.milvus import MilvusIndex, MilvusOptions, MilvusStore

NAMES = ("local", "milvus")


def milvus_options(folder: Path) -> MilvusOptions:
    """Give a Milvus for tests: the server at MILVUS_URI, else milvus-lite in a file; skips where there is neither."""
    if uri := os.environ.get("MILVUS_URI"):
        return MilvusOptions(uri, prefix=f"test_{folder.name}_{os.getpid()}".replace("-", "_"))
    if importlib.util.find_spec("pymilvus") is None or importlib.util.find_spec("milvus_lite") is None:
        pytest.skip("the extra `milvus` is not installed")
    return MilvusOptions(str(folder / "m.db"), timeout_s=60.0)


@contextmanager
def milvus_store(folder: Path) -> Iterator[MilvusStore]:
    """Give a store over an empty Milvus, and let go of the file afterwards."""
    options = milvus_options(folder)
    store = MilvusStore(options)
    try:
        yield store
    finally:
        store.close()
        release(options)


def release(options: MilvusOptions) -> None:
    """End the milvus-lite behind a file, so that another can open it."""
    if options.uri.endswith(".db"):
        from milvus_lite.server_manager import server_manager_instance

        server_manager_instance.release_server(options.uri)


@contextmanager
def backend(name: str, indexes: Path, folder: Path) -> Iterator[Backend]:
    """Give a backend by name, with nothing in it."""
    if name == "local":
        yield LocalIndex(indexes)
        return
    with milvus_store(folder) as store:
        yield MilvusIndex(indexes, store, verify_s=0.0)
