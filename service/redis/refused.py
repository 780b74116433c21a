"""What a command meets while the gate to Redis is closed, or when too few replicas hold what it wrote."""

from __future__ import annotations

from redis.exceptions import ConnectionError as RedisConnectionError


class RedisRefused(RedisConnectionError):
    """Redis is away, stalled or unsafe; the message says which, and what would help."""


class NotReplicated(RedisConnectionError):
    """Written, and not confirmed by enough replicas: a failover now could lose it. Saying it again is harmless."""
