"""The whole API against requests that nobody wrote: no answer is a 5xx, and every answer is as OpenAPI says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import response_schema_conformance

from service.app import create_app
from service.redis.server import RedisServer
from service.settings import Settings
from tests.service.http_world import LiveServer, light_settings, running

EXAMPLES = 50
pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[LiveServer]:
    """Give a server of its own."""
    with running(light_settings(tmp_path_factory.mktemp("fuzzed"), redis_server.url)) as server:
        yield server


schemathesis.serializer.alias("application/x-ndjson", "text/plain")
CONTRACT = schemathesis.openapi.from_dict(create_app(Settings()).openapi())
OPERATIONS = {f"{found.ok().method.upper()} {found.ok().path}": found.ok() for found in CONTRACT.get_all_operations()}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_nothing_breaks_the_server(name: str, fuzzed: LiveServer) -> None:
    headers = {"Authorization": f"Bearer {fuzzed.keys['admin']}"}

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=OPERATIONS[name].as_strategy())
    def fuzz(case: Any) -> None:
        answer = case.call(base_url=fuzzed.url, headers=headers, timeout=30)
        assert answer.status_code < 500, answer.text
        case.validate_response(answer, checks=[response_schema_conformance])
        if answer.status_code >= 400:
            assert set(answer.json()) == {"error"}

    fuzz()
