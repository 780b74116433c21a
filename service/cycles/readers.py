"""Who may read which collection, all at once: from the catalog, or where that is on another machine from Redis.

SQLite's catalog is for processes of one machine. A host that only trains is told the lists through Redis by the sweep,
every few seconds, and takes no snapshot by lists that are old.
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

from retrieval.catalog import Catalog
from retrieval.types import Caller
from service.cycles.keys import READERS
from service.redis.blocking import connect
from service.redis.refused import RedisRefused
from service.scopes import Readers
from service.settings import Settings

if TYPE_CHECKING:
    from redis import Redis

PAGE = 100
MOST_AGE_S = 60.0  # six sweeps


def access_lists(catalog: Catalog) -> Readers:
    """Give the readers of every collection.

    Args:
        catalog: Of the collections.

    Returns:
        Readers by collection id.
    """
    found: dict[str, frozenset[str]] = {}
    everything, after = Caller(reads_all=True), None
    while True:
        page = catalog.collections(everything, limit=PAGE, after=after, order="asc")
        found.update((one.collection_id, one.readers) for one in page.items)
        if not page.has_more:
            return found
        after = page.items[-1].collection_id


def current_readers(settings: Settings) -> Readers:
    """Give the readers of every collection from where this host has them.

    Args:
        settings: Say whether the catalog is here.

    Returns:
        Readers by collection id.

    Raises:
        redis.exceptions.RedisError: The catalog is elsewhere, and Redis is away or was not told for a minute.
    """
    if settings.catalog_here:
        with closing(Catalog.open(settings.home)) as catalog:
            return access_lists(catalog)
    with connect(settings) as client:
        told: Any = client.get(READERS)
        if told is None:
            raise RedisRefused("no access lists are in Redis: the host of the catalog runs no sweep")
        record = json.loads(told)
        age = _now_s(client) - record["at"]
        if age > MOST_AGE_S:
            raise RedisRefused(f"the access lists in Redis are {age:.0f} s old: the host of the catalog is silent")
    return {name: frozenset(readers) for name, readers in record["readers"].items()}


def tell_readers(client: Redis, readers: Readers) -> None:
    """Put the lists into Redis, for hosts that have no catalog."""
    record = {"at": _now_s(client), "readers": {name: sorted(who) for name, who in readers.items()}}
    client.set(READERS, json.dumps(record))


def _now_s(client: Redis) -> int:
    seconds, _ = client.time()
    return int(seconds)
