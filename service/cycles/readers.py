"""Who may read which collection, all at once."""

from __future__ import annotations

from retrieval.catalog import Catalog
from retrieval.types import Caller
from service.scopes import Readers

PAGE = 100


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
