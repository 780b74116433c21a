"""Encodes questions for many concurrent callers: whatever is waiting goes through the model together.

One thread owns the model call. It takes what has queued up while the last batch ran (natural batching), so a lone
caller waits for nobody and a crowd shares the cost. The embedder decides how to cut a batch.
"""

from __future__ import annotations

import queue
import threading
from collections import OrderedDict
from concurrent.futures import Future

from retrieval.embed.base import Embedder, Vectors

_Item = tuple[str, "Future[Vectors]"]


class QueryEncoder:
    """A micro-batching front of an embedder; thread-safe. Vectors it returns are shared: treat them as read-only.

    Args:
        embedder: Encodes with `kind="query"`.
        max_batch: Most queries in one model call.
        cache_size: Recent queries kept with their vectors (1.5 kB each at 384 dimensions); 0 turns it off.
    """

    def __init__(self, embedder: Embedder, *, max_batch: int = 64, cache_size: int = 1024) -> None:
        self.model_name = embedder.model_name
        self.dimension = embedder.dimension
        self._embedder = embedder
        self._max_batch = max_batch
        self._cache_size = cache_size
        self._cache: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()  # guards the cache, and submit against close
        self._waiting: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="query-encoder", daemon=True)
        self._thread.start()

    def submit(self, text: str) -> Future[Vectors]:
        """Queue a text; the future gives its `(dimension,)` unit vector. RuntimeError when the encoder is closed."""
        future: Future[Vectors] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("the query encoder is closed")
            vector = self._cache.get(text)
            if vector is None:
                self._waiting.put((text, future))
                return future
            self._cache.move_to_end(text)
        future.set_result(vector)
        return future

    def encode(self, text: str) -> Vectors:
        """Encode one text and wait for it: `(dimension,)` float32, length one."""
        return self.submit(text).result()

    def close(self) -> None:
        """Finish what is queued and stop the thread; later calls of `submit` raise."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, last = self._take(first)
            self._answer([item for item in batch if item[1].set_running_or_notify_cancel()])
            if last:
                return

    def _take(self, first: _Item) -> tuple[list[_Item], bool]:
        batch = [first]
        while len(batch) < self._max_batch:
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                break
            if item is None:
                return batch, True
            batch.append(item)
        return batch, False

    def _answer(self, batch: list[_Item]) -> None:
        texts = list(dict.fromkeys(text for text, _ in batch))
        if not texts:
            return
        try:
            vectors = self._embedder.encode(texts, kind="query")
        except Exception as error:
            if len(texts) == 1:
                for _, future in batch:
                    future.set_exception(error)
            else:  # one bad text must not fail its neighbours
                for text in texts:
                    self._answer([item for item in batch if item[0] == text])
            return
        rows = {text: vector.copy() for text, vector in zip(texts, vectors, strict=True)}
        for vector in rows.values():  # copies, so that a cached row does not keep its whole batch alive
            vector.setflags(write=False)
        self._remember(rows)
        for text, future in batch:
            future.set_result(rows[text])

    def _remember(self, rows: dict[str, Vectors]) -> None:
        with self._lock:
            for text, vector in rows.items():
                self._cache[text] = vector
            while len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)
