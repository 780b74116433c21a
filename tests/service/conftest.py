"""A running server, shared by the tests that leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.redis.server import RedisServer
from tests.service.http_world import LiveServer, light_settings, running


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[LiveServer]:
    """Give a server that is ready, with one key of each role. Tests make their own vector stores in it."""
    with running(light_settings(tmp_path_factory.mktemp("live"), redis_server.url)) as server:
        yield server
