"""What a command meets while the gate to Redis is closed."""

from __future__ import annotations

from redis.exceptions import ConnectionError as RedisConnectionError


class RedisRefused(RedisConnectionError):
    """Redis is away, stalled or unsafe; the message says which, and what would help."""
