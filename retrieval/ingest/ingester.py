"""The loop: one thread claims and parses ahead, the caller's embeds and commits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np

from retrieval.catalog import Catalog, Result
from retrieval.embed.base import Embedder
from retrieval.ingest.buffer import Buffer, Prepared
from retrieval.ingest.feeder import Feeder
from retrieval.ingest.keeper import LeaseKeeper
from retrieval.ingest.options import IngestOptions, Parser
from retrieval.ingest.outcomes import INFRASTRUCTURE, Outcomes

_EMBED_FROM, _EMBED_TO = 10, 98  # percent


class Ingester:
    """Drains the catalog's queue. One run at a time; several processes on one catalog share the work."""

    def __init__(
        self,
        catalog: Catalog,
        sandbox: Parser,
        embedder_for: Callable[[str], Embedder],
        options: IngestOptions | None = None,
        *,
        worker: str,
    ) -> None:
        """Put an ingester together.

        Args:
            catalog: Where documents wait and results go.
            sandbox: Reads files.
            embedder_for: Gives the encoder of a model's name; called often, so it should remember.
            options: How to ingest.
            worker: Names this process in leases; unique among the processes that live.
        """
        self._catalog = catalog
        self._parser = sandbox
        self._embedder_for = embedder_for
        self._options = options or IngestOptions()
        self._worker = worker

    def run_once(self) -> int:
        """Process what one claim gives, `documents_per_claim` at most; returns how many documents that were."""
        return self._run(lambda: False, rounds=1)

    def drain(self, should_stop: Callable[[], bool]) -> int:
        """Process documents until none waits, or until told to stop; what is unfinished then is given back.

        Args:
            should_stop: Asked between documents and between batches, from two threads.

        Returns:
            How many documents were completed, failed or put back for another attempt (each time counts).

        Raises:
            StorageFull: When the disk is full; every document in hand was given back.
        """
        total = 0
        # Again after a pass that did something: it may have put documents back for another attempt.
        while not should_stop() and (handled := self._run(should_stop, rounds=None)):
            total += handled
        return total

    def _run(self, should_stop: Callable[[], bool], *, rounds: int | None) -> int:
        options = self._options
        buffer = Buffer(options.chunks_ahead)
        with LeaseKeeper(self._catalog, lease_s=options.lease_s, every_s=options.keep_alive_s) as keeper:
            outcomes = Outcomes(self._catalog, keeper)
            feeder = Feeder(self._catalog, self._parser, options, self._worker, keeper, outcomes, buffer)
            thread = threading.Thread(target=feeder.run, args=(should_stop, rounds), name="ingest-parse", daemon=True)
            thread.start()
            try:
                while documents := buffer.take(options.chunks_per_batch):
                    self._process(documents, keeper, outcomes, should_stop)
            finally:
                outcomes.give_back(left.claim for left in buffer.abandon())
                thread.join()
            return outcomes.handled

    def _process(
        self, documents: list[Prepared], keeper: LeaseKeeper, outcomes: Outcomes, should_stop: Callable[[], bool]
    ) -> None:
        """Embed and commit documents together; when that fails, one by one, so that the culprit fails alone."""
        held = []
        for document in documents:
            if keeper.is_lost(document.claim):
                outcomes.drop(document.claim)
            else:
                held.append(document)
        left = {document.claim.document_row: document for document in held}
        try:
            self._embed(held, left, keeper, outcomes, should_stop)
        except INFRASTRUCTURE:
            outcomes.give_back(document.claim for document in left.values())
            raise
        except Exception as error:
            if len(held) == 1:
                outcomes.unexpected(held[0].claim, "embedding", error)
            else:
                for document in list(left.values()):
                    self._process([document], keeper, outcomes, should_stop)
        else:
            outcomes.give_back(document.claim for document in left.values())

    def _embed(
        self,
        documents: Sequence[Prepared],
        left: dict[int, Prepared],
        keeper: LeaseKeeper,
        outcomes: Outcomes,
        should_stop: Callable[[], bool],
    ) -> None:
        """Embed in even batches over all documents; commit each as soon as its last vector is there; shrink `left`."""
        if not documents:
            return
        embedder = self._embedder_for(documents[0].claim.embedding_model)
        texts = [text for document in documents for text in document.texts]
        starts = np.cumsum([0, *(len(document.texts) for document in documents)])
        vectors = np.empty((len(texts), embedder.dimension), np.float32)  # [chunks of all documents, d]
        committed = 0
        for begin, end in _even_spans(len(texts), self._options.chunks_per_batch):
            if should_stop():
                return
            partial = documents[committed]
            vectors[begin:end] = embedder.encode(
                texts[begin:end],
                kind="passage",
                on_progress=_shower(keeper, partial, int(begin - starts[committed])),
            )
            ready = int(np.searchsorted(starts, end, side="right")) - 1
            results = [
                Result(d.claim, d.parsed, d.chunks, vectors[starts[i] : starts[i + 1]])
                for i, d in enumerate(documents[committed:ready], committed)
            ]
            if results:
                outcomes.publish(results)
            for result in results:
                del left[result.claim.document_row]
            committed = ready


def _shower(keeper: LeaseKeeper, document: Prepared, before: int) -> Callable[[int], None]:
    """Show the progress of the first unfinished document; the others of a batch are short and finish with it."""

    def show(done: int) -> None:
        share = min(1.0, (before + done) / max(1, len(document.texts)))
        keeper.show(document.claim, "embedding", int(_EMBED_FROM + share * (_EMBED_TO - _EMBED_FROM)))

    return show


def _even_spans(count: int, most: int) -> list[tuple[int, int]]:
    """Cut `count` into the fewest spans of at most `most`, all about as long: no batch of a few stragglers."""
    pieces = max(1, -(-count // most))
    edges = [count * i // pieces for i in range(pieces + 1)]
    return list(zip(edges, edges[1:], strict=False))
