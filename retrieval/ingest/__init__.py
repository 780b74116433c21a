"""From a queued file to searchable chunks: parse, chunk, embed, commit.

Knows nothing of jobs, brokers or indexes: it drains the catalog's own queue, and the catalog's fence decides what
counts. A bad document ends `failed` with a reason; it never stops the loop.
"""

from retrieval.ingest.ingester import Ingester
from retrieval.ingest.options import IngestOptions, Parser

__all__ = ["IngestOptions", "Ingester", "Parser"]
