"""Turns a filter into the set of chunk rows it leaves, once per filter and state of a collection."""

from __future__ import annotations

import threading
from collections import OrderedDict

from retrieval.catalog import Catalog
from retrieval.filters import Filter, matches
from retrieval.index.hits import Spans

_REMEMBERED = 64


class FilterCache:
    """The rows that filters leave, remembered; thread-safe.

    Args:
        catalog: Has the documents' attributes.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: OrderedDict[tuple[str, int, Filter], Spans] = OrderedDict()
        self._guard = threading.Lock()

    def rows(self, collection_id: str, seq: int, condition: Filter) -> Spans:
        """Give the rows of the documents that meet a condition.

        Args:
            collection_id: Whose documents.
            seq: The collection's newest change; attributes may have changed when it differs.
            condition: What they must meet.

        Returns:
            The same object for the same arguments, so that it may key further caches.
        """
        key = (collection_id, seq, condition)
        with self._guard:
            if (spans := self._known.get(key)) is not None:
                self._known.move_to_end(key)
                return spans
        spans = Spans.of(
            [
                (document.first_row, document.first_row + document.count)
                for document in self._catalog.spans(collection_id)
                if document.count and matches(condition, document.attributes)
            ]
        )
        with self._guard:
            spans = self._known.setdefault(key, spans)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return spans
