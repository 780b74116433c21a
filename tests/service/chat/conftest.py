"""A served chat for the tests of its routes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from tests.service.chat.world import QuotingPolicy, Served, SlowPolicy, World, http


@pytest.fixture
def world(tmp_path: Path, redis_url: str) -> World:
    """Give a container with a quick and a slow policy."""
    return World(tmp_path / "home", redis_url, [QuotingPolicy(), SlowPolicy()])


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    """Serve it."""
    with Served(world.app()) as server:
        yield server


@pytest.fixture
def client(served: Served, world: World) -> Iterator[httpx.Client]:
    """Give a plain HTTP client with a user's key."""
    with http(served, world) as client:
        yield client


@pytest.fixture
def sdk(served: Served, world: World) -> Iterator[openai.OpenAI]:
    """Give OpenAI's own client with a user's key."""
    with openai.OpenAI(base_url=served.url, api_key=world.key, max_retries=0) as client:
        yield client
