"""Words as the lexical index sees them: lower case, accents folded, English stems. One analyzer serves indexing and
asking.

It splits at everything that is neither letter nor digit, so scripts written without spaces become one long word; for
those the dense side has to do the work.
"""

from __future__ import annotations

import functools

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

ANALYZER_NAME = "groundloop_en"
_LONGEST_WORD_BYTES = 64


@functools.cache
def analyzer() -> TextAnalyzer:
    """Give the analyzer; tantivy runs the same one over the documents of a generation."""
    builder = TextAnalyzerBuilder(Tokenizer.simple())
    for step in (
        Filter.remove_long(_LONGEST_WORD_BYTES),
        Filter.lowercase(),
        Filter.ascii_fold(),
        Filter.stemmer("english"),
    ):
        builder = builder.filter(step)
    return builder.build()


def terms_of(text: str) -> list[str]:
    """Give the terms of a text in order, repeats included."""
    terms: list[str] = analyzer().analyze(text)
    return terms
