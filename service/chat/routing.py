"""Whose adapter answers a request: everybody's, a segment's, or that of the one restricted collection it names."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from retrieval.errors import CollectionNotFound
from service.scopes import Scope, named_scope, serves

if TYPE_CHECKING:
    from retrieval.catalog import Catalog
    from service.chat.asked import Asked
    from service.versions.snapshot import Snapshot


async def scope_of(asked: Asked, snapshot: Snapshot, catalog: Catalog) -> Scope:
    """Say whose adapter answers.

    Args:
        asked: The request.
        snapshot: What serves now.
        catalog: Knows who may read the collection named; asked only where that collection has an adapter of its own.

    Returns:
        The scope, as `service.scopes.serves` decides.
    """
    caller = asked.principal.caller
    readers: dict[str, frozenset[str]] = {}
    if asked.named is not None and named_scope("collection", asked.named) in snapshot.scopes:
        try:
            found = await asyncio.to_thread(catalog.collection, caller, asked.named)
            readers[asked.named] = found.readers
        except CollectionNotFound:
            pass  # the search says so
    return serves(asked.collections, asked.segment, caller, readers, snapshot.scopes)
