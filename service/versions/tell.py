"""After a move: tell the serving processes, and the cycle that made the version how it ended.

Both go through Redis and neither decides anything: without it the processes find the move at their next look, and the
cycle goes on saying that its version is on trial.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from redis import asyncio as aio
from redis.exceptions import RedisError

from service.cycles import store
from service.redis.calls import Call, ask, ask_async
from service.versions.announce import announce, announce_async

if TYPE_CHECKING:
    from service.settings import Settings
    from service.versions.moves import Moved

TIMEOUT_S = 2.0
log = logging.getLogger(__name__)


def tell(settings: Settings, moved: Moved, reason: str) -> str | None:
    """Tell of a move made by hand; blocking, never fails.

    Args:
        settings: Which Redis.
        moved: What was moved.
        reason: As the person gave it.

    Returns:
        Id of the cycle that has its end by this; None where there is none, or no Redis.
    """
    from service.redis.blocking import connect

    try:
        with closing(connect(settings, timeout_s=TIMEOUT_S)) as client:
            announce(client, moved.announcement)
            settled = _settled(moved, reason)
            return None if settled is None else ask(client, settled)
    except (RedisError, OSError, LookupError) as error:
        _not_told(error)
        return None


async def tell_async(client: aio.Redis, moved: Moved, reason: str) -> str | None:
    """Tell of a move as `tell` does."""
    try:
        await announce_async(client, moved.announcement)
        settled = _settled(moved, reason)
        return None if settled is None else await ask_async(client, settled)
    except (RedisError, OSError) as error:
        _not_told(error)
        return None


def _settled(moved: Moved, reason: str) -> Call[str | None] | None:
    if moved.settles is None:
        return None
    version, became = moved.settles
    evidence: Mapping[str, Any] = {"by": "hand", "reason": reason, "sequence": moved.sequence}
    told = f"{became.replace('_', ' ')} by hand" + (f": {reason}" if reason else "")
    return store.settle(str(moved.scope), version, became, told, evidence)


def _not_told(error: Exception) -> None:
    log.warning("a move was not announced: %s; every process finds it at its next look", type(error).__name__)
