"""Chunk rows to passages: one query for what is not remembered.

A remembered passage is used only while its collection has not changed at all since, and only for rows of collections
that the search at hand has just found readable; whatever else is fetched through the catalog, as the caller.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from retrieval.catalog import Catalog
from retrieval.types import Caller, Passage

Located = tuple[int, int]  # chunk row, and the newest change of its collection


class PassageCache:
    """Passages by row, least recently used out first; thread-safe.

    Args:
        catalog: Where the others come from.
        size: Most passages kept; a chunk is about 2 kB.
    """

    def __init__(self, catalog: Catalog, size: int) -> None:
        self._catalog = catalog
        self._size = size
        self._known: OrderedDict[Located, Passage] = OrderedDict()
        self._guard = threading.Lock()

    def passages(self, caller: Caller, wanted: Sequence[Located]) -> dict[int, Passage]:
        """Give the passages of these rows; rows that are gone are left out. Scores are zero."""
        found: dict[int, Passage] = {}
        missing: dict[int, Located] = {}
        with self._guard:
            for located in wanted:
                passage = self._known.get(located)
                if passage is None:
                    missing[located[0]] = located
                else:
                    self._known.move_to_end(located)
                    found[located[0]] = passage
        if missing:
            fetched = self._catalog.passages(caller, missing)
            found.update(fetched)
            with self._guard:
                for row, passage in fetched.items():
                    self._known[missing[row]] = passage
                while len(self._known) > self._size:
                    self._known.popitem(last=False)
        return found
