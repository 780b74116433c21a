"""Fixtures shared by every floor: the data folder, a real Redis, and the embedded model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, settings

from retrieval.embed import DEFAULT_MODEL, Embedder, load_embedder
from service.redis.server import RedisServer

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# What is checked on a change must not depend on luck; on a developer's machine new examples are tried each time.
settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
if os.environ.get("CI"):
    settings.load_profile("repeatable")

ROOT = Path(__file__).resolve().parent.parent
ENCODERS = ROOT / ".pytest_cache" / "encoders"  # converting the embedded model takes seconds: once for all runs
os.environ.setdefault("GROUNDLOOP_ENCODER_CACHE", str(ENCODERS))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of real documents and questions; skip where there is none."""
    path = Path(os.environ.get("GROUNDLOOP_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip("the shared data folder is absent")
    return path


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Start a real Redis of our own for the session, on a free port, with the durability that ships."""
    server = RedisServer(tmp_path_factory.mktemp("redis-home"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """Give the address of an emptied real Redis."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture(scope="session")
def minilm_fp32() -> Embedder:
    """Give the embedded model in full precision."""
    return load_embedder(DEFAULT_MODEL, dtype="fp32")


@pytest.fixture(scope="session")
def minilm() -> Embedder:
    """Give the embedded model as it runs by default on this machine."""
    return load_embedder(DEFAULT_MODEL, cache_dir=ENCODERS)
