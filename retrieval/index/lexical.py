"""The published lexical index: a tantivy directory with one text field and the chunk row as a fast field. Never written
again.

Scores are BM25 (k1 1.2, b 0.75) over stems. Statistics may be corrected from outside: a term's weight is passed as a
`boost`, so that what arrived since the index was published counts too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import tantivy

from retrieval.index.analyzer import ANALYZER_NAME, analyzer, terms_of
from retrieval.index.hits import NO_HITS, Hits, Mask, Rows, best, positions

_TEXT, _ROW = "text", "row"
_WRITER_BYTES = 64_000_000
_TERM_SET_LIMIT = 2_000  # up to here naming the allowed rows is cheaper than reading past the others
_GROWTH = 4


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field(_TEXT, stored=False, tokenizer_name=ANALYZER_NAME, index_option="freq")
    builder.add_integer_field(_ROW, stored=False, indexed=True, fast=True)
    return builder.build()


def write_lexical(folder: Path, texts: Iterable[tuple[int, str]]) -> int:
    """Write an index into an empty folder.

    Args:
        folder: Exists and is empty.
        texts: Chunk rows with their texts.

    Returns:
        Terms in all texts together, which the average length is computed from.
    """
    index = tantivy.Index(_schema(), path=str(folder))
    index.register_tokenizer(ANALYZER_NAME, analyzer())
    writer = index.writer(_WRITER_BYTES, 1)
    total = 0
    for row, text in texts:
        total += len(terms_of(text))
        writer.add_document(tantivy.Document(text=text, row=row))
    writer.commit()
    writer.wait_merging_threads()
    for lock in folder.glob(".*.lock"):
        lock.unlink()
    return total


class LexicalIndex:
    """A read-only tantivy index; thread-safe.

    Args:
        folder: What `write_lexical` wrote.
        rows: The chunk rows of the generation, ascending.
        total_terms: What `write_lexical` returned.
    """

    def __init__(self, folder: Path, rows: Rows, total_terms: int) -> None:
        index = tantivy.Index.open(str(folder))
        index.config_reader("manual")  # no thread that watches a directory which never changes
        index.reload()
        self._schema = index.schema
        self._searcher = index.searcher()
        self._rows = rows
        self.documents = int(self._searcher.num_docs)
        self.total_terms = total_terms
        self.average_length = total_terms / max(self.documents, 1)

    def matching(self, term: str) -> int:
        """Count the documents that hold a term."""
        return int(self._searcher.doc_freq(_TEXT, term))

    def search(self, boosts: Mapping[str, float], k: int, mask: Mask | None = None, allowed: int = 0) -> Hits:
        """Find the k best documents that hold any of the terms.

        Args:
            boosts: Terms with the factor on their BM25 score.
            k: Most hits.
            mask: `(documents,)`, which rows may be found; None for all.
            allowed: How many the mask lets through.

        Returns:
            Hits; fewer than k only when fewer documents match.
        """
        if not boosts or not self.documents or (mask is not None and not allowed):
            return NO_HITS
        query = tantivy.Query.boolean_query([(tantivy.Occur.Should, self._term(*item)) for item in boosts.items()])
        if mask is None:
            return self._run(query, k)
        if allowed <= _TERM_SET_LIMIT:
            rows = tantivy.Query.term_set_query(self._schema, _ROW, self._rows[mask].tolist())
            filtered = tantivy.Query.const_score_query(rows, 0.0)
            return self._run(tantivy.Query.boolean_query([(tantivy.Occur.Must, q) for q in (query, filtered)]), k)
        limit = min(k * max(2, self.documents // allowed), self.documents)
        while True:
            hits = self._run(query, limit)
            kept = mask[positions(self._rows, hits.rows)[0]]
            if int(kept.sum()) >= k or len(hits.rows) < limit or limit >= self.documents:
                return Hits(hits.rows[kept][:k], hits.scores[kept][:k])
            limit = min(limit * _GROWTH, self.documents)

    def _term(self, term: str, boost: float) -> tantivy.Query:
        query = tantivy.Query.term_query(self._schema, _TEXT, term, "freq")
        return query if boost == 1.0 else tantivy.Query.boost_query(query, boost)

    def _run(self, query: tantivy.Query, limit: int) -> Hits:
        found = self._searcher.search(query, min(limit, self.documents), count=False).hits
        if not found:
            return NO_HITS
        scores, addresses = zip(*found, strict=True)
        rows = np.array(self._searcher.fast_field_values(_ROW, list(addresses)), dtype=np.int64)
        return best(rows, np.array(scores, dtype=np.float32), limit)
