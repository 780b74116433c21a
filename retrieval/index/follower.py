"""Keeps the newest state of one collection: follows the catalog's changes, and takes over generations as they are
published.

Small changes are applied by whichever search notices them first. A new generation is loaded and verified in the
background, and its state replaces the old one by one assignment.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from retrieval.catalog import Catalog, CollectionRef
from retrieval.errors import CollectionNotFound
from retrieval.index.delta import Delta
from retrieval.index.feed import read_segment
from retrieval.index.generation import Generation, open_generation
from retrieval.index.state import CollectionState
from retrieval.index.store import load_newest, pointer_stamp, request_rebuild

_log = logging.getLogger(__name__)
_REFRESH_WAIT_S = 0.5  # how long a search waits for another's refresh before it answers from the state before


class Follower:
    """The index of one collection in this process; thread-safe.

    Args:
        catalog: Whose changes are followed.
        collection_id: Which collection.
        folder: Where its generations are.
        background: Loads new generations.
        opener: Opens a published directory.
    """

    def __init__(
        self,
        catalog: Catalog,
        collection_id: str,
        folder: Path,
        background: Executor,
        opener: Callable[[Path], Generation] = open_generation,
    ) -> None:
        self._catalog = catalog
        self._id = collection_id
        self._folder = folder
        self._background = background
        self._opener = opener
        self._state: CollectionState | None = None
        self._stamp: tuple[int, int] | None = None  # of the pointer, when the generation of _state was looked up
        self._refreshing = threading.Lock()
        self._loading = threading.Lock()

    @property
    def current(self) -> CollectionState | None:
        """The newest state, without looking for changes."""
        return self._state

    def state(self, wanted: CollectionRef) -> CollectionState:
        """Give the state, brought up to what the catalog says now.

        Args:
            wanted: The collection as the search that asks has just read it.

        Returns:
            A state of at least that number, unless another thread is busy with a large change: then the one before.
        """
        state = self._state
        if state is not None and state.seq >= wanted.seq and state.embedding_model == wanted.embedding_model:
            self._take_over_if_published()
            return state
        if not self._refreshing.acquire(timeout=-1 if state is None else _REFRESH_WAIT_S):
            return state or self._refreshed(wanted)
        try:
            state = self._refreshed(wanted)
        finally:
            self._refreshing.release()
        self._take_over_if_published()
        return state

    def _refreshed(self, wanted: CollectionRef) -> CollectionState:
        state = self._state
        if state is None:
            self._stamp = pointer_stamp(self._folder)
            state = self._follow(load_newest(self._folder, self._opener), wanted)
        elif state.seq < wanted.seq or state.embedding_model != wanted.embedding_model:
            state = self._advance(state) or self._follow(state.generation, wanted)
        self._state = state
        return state

    def _advance(self, state: CollectionState) -> CollectionState | None:
        """Apply what happened since; None when that is not possible and the state must be made anew."""
        changes = self._catalog.changes(self._id, state.seq)
        if not changes.complete or changes.embedding_model != state.embedding_model:
            return None
        added = None
        if len(changes.added):
            added = read_segment(self._catalog, self._id, state.seq, changes)
        return state.apply(changes.seq, added, changes.removed)

    def _follow(self, generation: Generation | None, wanted: CollectionRef) -> CollectionState:
        """Make a state of a generation, if it is still of use, and all that came after it."""
        if generation is not None:
            state = CollectionState(
                self._id,
                generation.info.embedding_model,
                generation.info.dimension,
                generation.info.seq,
                generation,
                Delta(),
            )
            followed = None if generation.info.collection_id != self._id else self._advance(state)
            if followed is not None:
                return followed
        # Another model, a collection made anew under the same id, or a log that was cut: only the catalog knows.
        state = CollectionState(self._id, wanted.embedding_model, 0, 0, None, Delta())
        while (followed := self._advance(state)) is None:  # the model changed between two reads
            model = self._catalog.changes(self._id, 0).embedding_model
            state = CollectionState(self._id, model, 0, 0, None, Delta())
        return followed

    def _take_over_if_published(self) -> None:
        stamp = pointer_stamp(self._folder)
        if stamp != self._stamp and self._loading.acquire(blocking=False):
            self._background.submit(self._take_over, stamp)

    def _take_over(self, stamp: tuple[int, int] | None) -> None:
        try:
            generation = load_newest(self._folder, self._opener)
            with self._refreshing:
                state = self._state
                self._stamp = stamp
                if state is None or generation is None:
                    return
                held = state.generation.name if state.generation else None
                if held != generation.name:
                    wanted = CollectionRef(self._id, "", state.embedding_model, state.seq)
                    self._state = self._follow(generation, wanted)
        except CollectionNotFound:
            return  # deleted meanwhile
        except Exception:
            self._stamp = stamp  # or every search would try again
            _log.exception("a published index could not be taken over", extra={"index": self._id})
            request_rebuild(self._folder, "it could not be loaded")
        finally:
            self._loading.release()
