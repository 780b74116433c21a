"""A Redis that could lose votes is found out, and each finding says what to do."""

from __future__ import annotations

import asyncio

import pytest
import redis
from redis.asyncio import Redis

from service.redis.checks import check_redis_url, durability_problems, findings
from service.redis.server import RedisServer

SAFE = {"redis_version": "7.2.4", "aof_enabled": 1, "maxmemory_policy": "noeviction", "role": "master"}
ALWAYS = {"appendfsync": "always", "no-appendfsync-on-rewrite": "no"}


def test_our_own_redis_is_safe(redis_url: str) -> None:
    async def problems() -> list[str]:
        async with Redis.from_url(redis_url) as client:
            return await durability_problems(client)

    assert asyncio.run(problems()) == []
    assert check_redis_url(redis_url) == []


def test_what_an_operator_changed_is_found(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("appendfsync", "everysec")
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            codes = [finding.code for finding in check_redis_url(redis_url)]
        finally:
            client.config_set("appendfsync", "always")
            client.config_set("maxmemory-policy", "noeviction")
    assert codes == ["fsync", "eviction"]


@pytest.mark.parametrize(
    ("changes", "config", "code"),
    [
        ({"redis_version": "6.0.16"}, ALWAYS, "version"),
        ({"redis_version": "5"}, ALWAYS, "version"),
        ({"aof_enabled": 0}, ALWAYS, "persistence"),
        ({}, {}, "fsync"),
        ({}, {"appendfsync": "no"}, "fsync"),
        ({}, {"appendfsync": "always", "no-appendfsync-on-rewrite": "yes"}, "fsync"),
        ({"aof_last_write_status": "err"}, ALWAYS, "disk"),
        ({"maxmemory_policy": "volatile-lru"}, ALWAYS, "eviction"),
        ({"role": "slave"}, ALWAYS, "replica"),
        ({"cluster_enabled": 1}, ALWAYS, "cluster"),
    ],
)
def test_each_danger_is_a_finding(changes: dict[str, object], config: dict[str, str], code: str) -> None:
    (finding,) = findings(SAFE | changes, config)
    assert finding.code == code
    assert finding.fix in str(finding)


def test_an_absent_redis_is_a_finding(redis_server: RedisServer) -> None:
    (finding,) = check_redis_url("redis://127.0.0.1:1/0", timeout_s=0.5)
    assert finding.code == "unreachable"
