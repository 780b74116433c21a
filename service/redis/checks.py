"""Does this Redis keep what it acknowledges? Each finding says what is wrong and the command that puts it right.

Where a managed Redis hides CONFIG, what INFO tells is used, and what neither tells is a finding of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis.exceptions as errors
from redis.asyncio import Redis

from service.redis.connect import open_blocking

OLDEST_VERSION = (6, 2)
CONFIG_PATTERN = "*appendfsync*"  # one pattern: Redis 6.2 takes no list


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why a Redis could lose what it acknowledged."""

    code: str
    message: str
    fix: str  # a command, or what to do

    def __str__(self) -> str:
        return f"{self.message} (fix: {self.fix})"


async def check_redis(client: Redis) -> list[Finding]:
    """Ask a Redis how it keeps its data.

    Args:
        client: Any client of it.

    Returns:
        What is wrong; empty when nothing is.
    """
    info = await client.info()
    try:
        config: dict[Any, Any] = await client.config_get(CONFIG_PATTERN)
    except errors.ResponseError:  # hidden by a managed Redis, or by its access list
        config = {}
    return findings(info, {_text(name): _text(value) for name, value in config.items()})


async def durability_problems(client: Redis) -> list[str]:
    """Give the findings as sentences."""
    return [str(finding) for finding in await check_redis(client)]


def check_redis_url(url: str, *, timeout_s: float = 3.0) -> list[Finding]:
    """Do the same from code that has no event loop; a Redis that does not answer is a finding too."""
    with open_blocking(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s) as client:
        try:
            info = client.info()
            try:
                config: dict[Any, Any] = client.config_get(CONFIG_PATTERN)
            except errors.ResponseError:
                config = {}
        except errors.RedisError as error:
            return [Finding("unreachable", f"Redis does not answer: {error}", "start it, or correct REDIS_URL")]
    return findings(info, {_text(name): _text(value) for name, value in config.items()})


def findings(info: dict[str, Any], config: dict[str, str]) -> list[Finding]:
    """Judge what INFO and CONFIG GET said; values that CONFIG did not give are absent."""
    found: list[Finding] = []
    version = str(info.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERSION:
        found.append(Finding("version", f"Redis {version} is older than 6.2", "upgrade Redis"))
    if not int(info.get("aof_enabled", 0)):
        found.append(
            Finding(
                "persistence",
                "the append-only file is off: a restart loses votes",
                "redis-cli CONFIG SET appendonly yes && redis-cli CONFIG REWRITE",
            )
        )
    elif (fsync := config.get("appendfsync")) != "always":
        told = "cannot be read" if fsync is None else f"is {fsync}"
        found.append(
            Finding(
                "fsync",
                f"appendfsync {told}: a power cut can lose acknowledged votes",
                "redis-cli CONFIG SET appendfsync always && redis-cli CONFIG REWRITE",
            )
        )
    elif config.get("no-appendfsync-on-rewrite") == "yes":
        found.append(
            Finding(
                "fsync",
                "no-appendfsync-on-rewrite is yes: fsync stops while the file is rewritten",
                "redis-cli CONFIG SET no-appendfsync-on-rewrite no && redis-cli CONFIG REWRITE",
            )
        )
    if str(info.get("aof_last_write_status", "ok")) != "ok":
        found.append(
            Finding("disk", "the last write of the append-only file failed", "free disk space, see the log of Redis")
        )
    policy = info.get("maxmemory_policy", "unknown")
    if policy != "noeviction":
        found.append(
            Finding(
                "eviction",
                f"maxmemory-policy is {policy}: a full Redis forgets votes",
                "redis-cli CONFIG SET maxmemory-policy noeviction && redis-cli CONFIG REWRITE",
            )
        )
    if info.get("role") != "master":
        found.append(Finding("replica", "this Redis is a read-only replica", "point REDIS_URL to its primary"))
    if int(info.get("cluster_enabled", 0)):
        found.append(Finding("cluster", "Redis Cluster is not supported", "use one primary with replicas (Sentinel)"))
    return found


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
