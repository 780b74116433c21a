"""Where parsed documents wait for the encoder, within a bound on memory."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from retrieval.catalog import Claim
from retrieval.types import ChunkDraft, ParsedDocument


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document ready to be embedded. `parsed` is None when only its vectors are to be made anew."""

    claim: Claim
    parsed: ParsedDocument | None
    chunks: tuple[ChunkDraft, ...]
    texts: tuple[str, ...]  # what the encoder reads, one a chunk


class Buffer:
    """A queue of documents bounded by their chunks; one thread puts, one takes."""

    def __init__(self, most_chunks: int) -> None:
        self._most = most_chunks
        self._items: deque[Prepared] = deque()
        self._chunks = 0
        self._finished = False
        self._abandoned = False
        self._error: Exception | None = None
        self._changed = threading.Condition()

    def put(self, item: Prepared) -> bool:
        """Add a document, waiting for room; False when nobody will take it any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._abandoned or not self._items or self._chunks < self._most)
            if self._abandoned:
                return False
            self._items.append(item)
            self._chunks += len(item.texts)
            self._changed.notify_all()
            return True

    def finish(self, error: Exception | None = None) -> None:
        """Say that no more will come, and why when it is because of an error."""
        with self._changed:
            self._finished = True
            self._error = error
            self._changed.notify_all()

    def take(self, about_chunks: int) -> list[Prepared]:
        """Take what is there, for one model, until it holds `about_chunks`; wait only when nothing is there.

        The first batches are small and start at once; while they are embedded the next grow.

        Args:
            about_chunks: Stop adding documents at this many chunks; a long document alone may hold more.

        Returns:
            At least one document, or none when all have been taken.

        Raises:
            Exception: What the putting side finished with.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._finished)
            if not self._items and self._error is not None:
                raise self._error
            taken: list[Prepared] = []
            count = 0
            while self._items and count < about_chunks:
                if taken and self._items[0].claim.embedding_model != taken[0].claim.embedding_model:
                    break
                taken.append(self._items.popleft())
                count += len(taken[-1].texts)
            self._chunks -= count
            self._changed.notify_all()
            return taken

    def abandon(self) -> list[Prepared]:
        """Take everything and let the putting side know that nothing more is wanted."""
        with self._changed:
            self._abandoned = True
            left = list(self._items)
            self._items.clear()
            self._changed.notify_all()
            return left
