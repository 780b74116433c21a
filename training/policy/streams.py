"""Iterators of answer pieces that another thread may close.

A plain generator cannot be closed while it runs, and a client that disconnects does so exactly then. These can: `close`
is thread-safe, idempotent, wakes a reader that is blocked, and tells the producer to stop.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator
from threading import Event, Lock

from training.policy.base import Delta

_BUFFER = 1024  # pieces a slow reader may lag behind before the producer waits


class LazyStream(Iterator[Delta]):
    """Pieces that are made when they are first asked for, by code too quick to need interrupting."""

    def __init__(self, make: Callable[[], Iterable[Delta]]) -> None:
        self._make = make
        self._pieces: Iterator[Delta] | None = None
        self._closed = Event()

    def __next__(self) -> Delta:
        """Give the next piece."""
        if self._closed.is_set():
            raise StopIteration
        if self._pieces is None:
            self._pieces = iter(self._make())
        return next(self._pieces)

    def close(self) -> None:
        """Give no further piece."""
        self._closed.set()


class QueueStream(Iterator[Delta]):
    """Pieces that another thread produces. It calls `put`, then `finish` or `fail`, and looks at `cancelled`."""

    def __init__(self, on_close: Callable[[], None] | None = None) -> None:
        self._items: queue.Queue[Delta | BaseException | None] = queue.Queue(_BUFFER)
        self._on_close = on_close
        self._closing = Lock()
        self._over = False
        self.cancelled = Event()

    def __next__(self) -> Delta:
        """Give the next piece, waiting for it.

        Returns:
            A piece of the answer; the last one carries the whole.

        Raises:
            PolicyError: What went wrong before the answer was whole.
        """
        if self._over or self.cancelled.is_set():
            raise StopIteration
        item = self._items.get()
        if isinstance(item, Delta):
            return item
        self._over = True
        if item is None or self.cancelled.is_set():
            raise StopIteration
        raise item

    def close(self) -> None:
        """Stop the work behind the stream and wake whoever waits for its next piece."""
        with self._closing:
            if self.cancelled.is_set():
                return
            self.cancelled.set()
        if self._on_close is not None:
            self._on_close()
        try:
            self._items.put_nowait(None)  # wakes a blocked reader; a full buffer means that none is blocked
        except queue.Full:
            return

    def put(self, delta: Delta) -> bool:
        """Hand over a piece, waiting while the reader lags; False once the stream was closed."""
        while not self.cancelled.is_set():
            try:
                self._items.put(delta, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def room(self) -> bool:
        """Tell whether a piece could be handed over now without waiting."""
        return not self._items.full()

    def finish(self) -> None:
        """Say that the last piece was handed over."""
        self._end(None)

    def fail(self, error: BaseException) -> None:
        """End the stream with an error."""
        self._end(error)

    def _end(self, item: BaseException | None) -> None:
        while not self.cancelled.is_set():  # a closed stream has ended already
            try:
                self._items.put(item, timeout=0.1)
            except queue.Full:
                continue
            return
