"""Vectors of questions and sentences: remembered, and encoded together when several requests wait.

There is no thread of our own. Whoever holds the encoder's turn encodes for everybody who queued up meanwhile, so a busy
service works in large batches and an idle one adds no delay.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from threading import Lock

import numpy as np
import numpy.typing as npt

from retrieval.embed import Embedder
from retrieval.embed.base import EncodeKind

Array = npt.NDArray[np.float32]
_Key = tuple[EncodeKind, str]


class _Ticket:
    """What one caller waits for."""

    def __init__(self, keys: Sequence[_Key]) -> None:
        self.keys = keys
        self.found: dict[_Key, Array] = {}
        self.done = False
        self.error: Exception | None = None


class Vectors:
    """Unit vectors by text, with a bounded memory. Thread-safe."""

    def __init__(
        self, encoder: Embedder, capacity: int = 20_000, *, queries: Callable[[str], Array] | None = None
    ) -> None:
        self._encoder = encoder
        self._queries = queries
        self._capacity = capacity  # 30 MB of 384 numbers
        self._known: OrderedDict[_Key, Array] = OrderedDict()
        self._waiting: list[_Ticket] = []
        self._queue = Lock()  # guards _known and _waiting; never held while encoding
        self._turn = Lock()

    def cosines(self, question: str, sentences: Sequence[str]) -> Array:
        """Give the cosine of the question with each sentence, `(n,)` float32."""
        keys: list[_Key] = [("passage", sentence) for sentence in sentences]
        if self._queries is None:
            keys.append(("query", question))
        vectors = self._get(keys)
        asked = vectors["query", question] if self._queries is None else self._queries(question)
        rows = np.array([vectors["passage", sentence] for sentence in sentences], np.float32).reshape(-1, len(asked))
        cosines: Array = rows @ asked  # (n, d) @ (d,)
        return cosines

    def rows(self, texts: Sequence[str], kind: EncodeKind = "passage") -> Array:
        """Give the unit vectors of texts, `(n, d)` float32; `n` at least one."""
        keys: list[_Key] = [(kind, text) for text in texts]
        vectors = self._get(keys)
        return np.array([vectors[key] for key in keys], np.float32)

    def _get(self, keys: Sequence[_Key]) -> dict[_Key, Array]:
        ticket = _Ticket(keys)
        with self._queue:
            self._recall(ticket)
            if len(ticket.found) == len(set(keys)):
                return ticket.found
            self._waiting.append(ticket)
        with self._turn:
            if not ticket.done:
                with self._queue:
                    batch, self._waiting = self._waiting, []
                self._serve(batch)
        if ticket.error is not None:
            raise ticket.error
        return ticket.found

    def _serve(self, batch: Sequence[_Ticket]) -> None:
        with self._queue:
            for ticket in batch:
                self._recall(ticket)
        missing = {key for ticket in batch for key in ticket.keys if key not in ticket.found}
        try:
            fresh = {**self._encode("query", missing), **self._encode("passage", missing)}
        except Exception as error:
            for ticket in batch:
                ticket.error, ticket.done = error, True
            return
        for ticket in batch:
            ticket.found.update((key, fresh[key]) for key in ticket.keys if key not in ticket.found)
            ticket.done = True
        with self._queue:
            self._known.update(fresh)
            while len(self._known) > self._capacity:
                self._known.popitem(last=False)

    def _encode(self, kind: EncodeKind, keys: Iterable[_Key]) -> dict[_Key, Array]:
        texts = sorted((text for wanted, text in keys if wanted == kind), key=lambda text: (len(text), text))
        if not texts:
            return {}
        vectors = self._encoder.encode(texts, kind=kind)
        return {(kind, text): vector for text, vector in zip(texts, vectors, strict=True)}

    def _recall(self, ticket: _Ticket) -> None:
        for key in ticket.keys:
            if key not in ticket.found and (vector := self._known.get(key)) is not None:
                self._known.move_to_end(key)
                ticket.found[key] = vector
