"""Run a blocking iterator in a worker thread and read it from the event loop, with backpressure and cancellation.

The thread asks the token between items, so work stops one item after `cancel`, or at once where the iterator can be
closed while it waits (the policies' own can). It is closed in the thread that ran it in any case.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Generic, TypeVar

T = TypeVar("T")


class CancelToken:
    """Tells a thread that nobody waits for its work any more. Thread-safe."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._wake: Callable[[], object] | None = None

    def cancel(self) -> None:
        """Ask the work to stop."""
        self._event.set()
        wake = self._wake
        if wake is not None:
            with contextlib.suppress(ValueError):  # a plain generator that runs just now: it asks the token next
                wake()

    def on_cancel(self, wake: Callable[[], object]) -> None:
        """Set what wakes the thread from a long wait; called from the cancelling thread, and must not block."""
        self._wake = wake
        if self.cancelled:
            self.cancel()

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to."""
        return self._event.is_set()


class ThreadStream(Generic[T]):
    """The items of an iterator that runs in a thread. Iterate once, then `close`; closing early stops the thread."""

    def __init__(self, executor: Executor, make: Callable[[CancelToken], Iterator[T]], *, depth: int = 64) -> None:
        """Start the work.

        Args:
            executor: Where it runs.
            make: Makes the iterator, in the thread; it may also ask the token itself.
            depth: How many items may wait for their reader before the thread does.
        """
        self.token = CancelToken()
        self._make = make
        self._room = threading.Semaphore(depth)
        self._queue: asyncio.Queue[T | _End] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self.work: Future[None] = executor.submit(self._run)

    async def next(self) -> T | None:
        """Give the next item, None at the end; raise what the iterator raised."""
        item = await self._queue.get()
        if isinstance(item, _End):
            self._queue.put_nowait(item)  # the end stays the end
            if item.error is not None:
                raise item.error
            return None
        self._room.release()
        return item

    def abort(self, error: BaseException) -> None:
        """Stop the work and give its reader this error instead of what is left."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(_End(error))
        self.close()

    def close(self) -> None:
        """Stop the work, soon; does not wait for it (`work` is done when it has ended)."""
        self.token.cancel()
        self._room.release()  # a thread that waits for room looks at the token
        self.work.cancel()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._drain()
        except BaseException as caught:  # handed to the reader
            error = caught
        self._put(_End(error))

    def _drain(self) -> None:
        iterator = self._make(self.token)
        try:
            for item in iterator:
                if self.token.cancelled:
                    return
                self._room.acquire()
                if self.token.cancelled:
                    return
                self._put(item)
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    def _put(self, item: T | _End) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody reads
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error
