"""The half that runs ahead: claims documents, parses and cuts them, and fills the buffer."""

from __future__ import annotations

from collections.abc import Callable

from retrieval.catalog import Catalog, Claim
from retrieval.chunk import chunk_document
from retrieval.errors import ParseError, StaleClaim
from retrieval.ingest.buffer import Buffer, Prepared
from retrieval.ingest.keeper import LeaseKeeper
from retrieval.ingest.options import IngestOptions, Parser
from retrieval.ingest.outcomes import INFRASTRUCTURE, Outcomes
from retrieval.types import Stage


class Feeder:
    """Runs in a thread of its own; parsing happens in another process, so the encoder keeps its processor time."""

    def __init__(
        self,
        catalog: Catalog,
        parser: Parser,
        options: IngestOptions,
        worker: str,
        keeper: LeaseKeeper,
        outcomes: Outcomes,
        buffer: Buffer,
    ) -> None:
        self._catalog = catalog
        self._parser = parser
        self._options = options
        self._worker = worker
        self._keeper = keeper
        self._outcomes = outcomes
        self._buffer = buffer

    def run(self, should_stop: Callable[[], bool], rounds: int | None) -> None:
        """Feed until nothing waits, `rounds` claims were made, or it is time to stop; then say so to the buffer."""
        try:
            while rounds != 0 and not should_stop():
                rounds = None if rounds is None else rounds - 1
                claims = self._catalog.claim(
                    self._worker, lease_s=self._options.lease_s, limit=self._options.documents_per_claim
                )
                if not claims:
                    break
                self._feed(claims, should_stop)
        except Exception as error:  # the other thread raises it
            self._buffer.finish(error)
        else:
            self._buffer.finish()

    def _feed(self, claims: list[Claim], should_stop: Callable[[], bool]) -> None:
        left = list(claims)
        for claim in claims:
            self._keeper.hold(claim)
        try:
            while left and not should_stop():
                prepared = self._prepare(left[0])
                if prepared is not None and not self._buffer.put(prepared):
                    break
                del left[0]
        finally:
            self._outcomes.give_back(left)

    def _prepare(self, claim: Claim) -> Prepared | None:
        stage: Stage = "parsing"
        try:
            if claim.action == "reembed":
                texts = tuple(chunk.embedding_text for chunk in self._catalog.claimed_chunks(claim))
                return Prepared(claim, None, (), texts)
            self._keeper.show(claim, stage, 1)
            parsed = self._parser.parse(claim.blob, claim.document.filename)
            stage = "chunking"
            self._keeper.show(claim, stage, 8)
            chunks = tuple(chunk_document(parsed, self._options.chunking))
            if not chunks:
                raise ParseError("empty_file", "The file holds no text.")
            texts = tuple(chunk.embedding_text(parsed.title) for chunk in chunks)
            self._keeper.show(claim, "embedding", 10)
            return Prepared(claim, parsed, chunks, texts)
        except ParseError as error:
            self._outcomes.bad(claim, error)
        except StaleClaim:
            self._outcomes.drop(claim)
        except INFRASTRUCTURE:
            raise
        except Exception as error:
            self._outcomes.unexpected(claim, stage, error)
        return None
