"""Whose adapter answers a request: everybody's, a segment's, or that of the one restricted collection it names."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrieval.errors import CollectionNotFound
from retrieval.types import Caller
from service.scopes import Scope, named_scope, serves

if TYPE_CHECKING:
    from retrieval.catalog import Catalog
    from service.chat.asked import Asked
    from service.versions.snapshot import Snapshot


async def scope_of(asked: Asked, snapshot: Snapshot, catalog: Catalog) -> Scope:
    """Say whose adapter answers a question; see `scope_for`."""
    return await scope_for(asked.collections, asked.segment, asked.principal.caller, snapshot, catalog)


async def scope_for(
    collections: Sequence[str] | None, segment: str | None, caller: Caller, snapshot: Snapshot, catalog: Catalog
) -> Scope:
    """Say whose adapter answers, or searches.

    Args:
        collections: Those that the request names; None for all that the caller may read.
        segment: Of the user.
        caller: Who asks.
        snapshot: What serves now.
        catalog: Knows who may read the collection named; asked only where that collection has an adapter of its own.

    Returns:
        The scope, as `service.scopes.serves` decides.
    """
    readers: dict[str, frozenset[str]] = {}
    named = set(collections or ())
    if len(named) == 1 and named_scope("collection", *named) in snapshot.scopes:
        (name,) = named
        with contextlib.suppress(CollectionNotFound):  # the search says so
            readers[name] = (await asyncio.to_thread(catalog.collection, caller, name)).readers
    return serves(collections, segment, caller, readers, snapshot.scopes)
