"""What an ingester is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from retrieval.chunk import ChunkOptions
from retrieval.types import ParsedDocument


class Parser(Protocol):
    """Reads a file. The real one is `retrieval.parse.ParserSandbox`, in a process of its own."""

    def parse(self, path: Path, filename: str) -> ParsedDocument:
        """Read the file at `path`; raise `ParseError` for anything that is wrong with it."""
        ...


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How to ingest."""

    lease_s: float = 60.0  # a dead worker's documents wait this long
    keep_alive_s: float = 1.0  # between two looks at leases and progress
    documents_per_claim: int = 32
    chunks_per_batch: int = 512  # embedded together, over several documents
    chunks_ahead: int = 2048  # parsed and waiting while the encoder works
    chunking: ChunkOptions = field(default_factory=ChunkOptions)
