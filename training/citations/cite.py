"""Turn a policy's text into an answer whose citations were checked against the sources.

Two kinds of offsets, never mixed: an `Annotation` points into the **answer text** (where a marker stands and which
sentence it serves), a `Citation` points into the **document's text** (where the quote stands).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from retrieval.sentences import split_sentences
from training.citations.abstention import is_abstention
from training.citations.markers import MarkedText, Marker, take_apart
from training.citations.support import ENOUGH_OF_PART, ENOUGH_WORDS, Quote, Source
from training.policy.base import ShownPassage
from training.words import content_stems, digits, negated, numbers


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote that an answer rests on. Sentences that rest on the same quote share one citation."""

    number: int  # the `n` of `[n]`
    document_id: str
    chunk_id: str
    title: str
    url: str | None
    filepath: str
    content: str  # the quote: the document's text from start_index to end_index
    start_index: int  # offsets into the document's text, in characters
    end_index: int
    score: float  # fused retrieval score of the passage
    verified: bool  # False: the passage was cited, but nothing in it was found to support the sentence
    overlap: float = 0.0  # share of the sentence's content words that the quote holds; 1.0 when verbatim
    page_start: int | None = None
    page_end: int | None = None


@dataclass(frozen=True, slots=True)
class Annotation:
    """One marker in the answer text, with the sentence it serves and the citation it stands for."""

    number: int
    citation: int  # index into `CitedAnswer.citations`
    start_index: int  # offsets into the answer text of the marker, brackets included
    end_index: int
    sentence_start: int  # offsets into the answer text of the cited sentence
    sentence_end: int
    url: str | None
    title: str
    verified: bool


@dataclass(frozen=True, slots=True)
class CitedAnswer:
    """An answer text with uniform `[n]` markers, its checked citations, and where each marker stands."""

    text: str
    citations: tuple[Citation, ...]
    annotations: tuple[Annotation, ...]
    abstained: bool
    dropped: tuple[int, ...] = ()  # numbers the text cited that no shown passage has; gone from `text`


def cite(text: str, passages: Sequence[ShownPassage]) -> CitedAnswer:
    """Check every cited sentence of an answer against the passages it names.

    A sentence is supported by a passage that holds it word for word (blanks, case, quotation marks and reference
    numbers aside), or whose best one or two sentences hold most of its content words, all its numbers, and the same
    polarity. Where a sentence names several passages, they may support it together. Pure; about a millisecond for an
    answer of a few sentences.

    Args:
        text: the policy's text, with markers in any usual form.
        passages: what was shown, each with its own number.

    Returns:
        The answer with uniform markers. Citations come in the order in which the text names them. An unverified one
        quotes the closest sentences, or the whole passage when no word is shared.
    """
    shown = {passage.number: passage for passage in passages}
    marked = take_apart(text, shown.keys())
    sources = {marker.number: Source(shown[marker.number].text) for marker in marked.markers}
    sentences = split_sentences(marked.plain)
    citations: list[Citation] = []
    places: dict[tuple[int, int, int], int] = {}
    annotations: list[Annotation] = []
    for (start, end), markers in _by_sentence(sentences, marked.markers):
        quotes = _quotes(marked.plain[start:end], {marker.number: sources[marker.number] for marker in markers})
        pieces = _pieces(marked.plain, start, markers)
        for marker in markers:
            own = sources[marker.number].support(pieces[marker.plain]) if marker.plain in pieces else None
            citation = _citation(shown[marker.number], own if own and own.verified else quotes[marker.number])
            key = (marker.number, citation.start_index, citation.end_index)
            index = places.setdefault(key, len(citations))
            if index == len(citations):
                citations.append(citation)
            elif citation.verified and not citations[index].verified:
                citations[index] = citation
            annotations.append(_annotation(marker, index, citation, marked, start, end))
    abstained = not any(citation.verified for citation in citations) and is_abstention(marked.plain)
    return CitedAnswer(marked.text, tuple(citations), tuple(annotations), abstained, marked.dropped)


def _by_sentence(
    sentences: Sequence[tuple[int, int]], markers: Sequence[Marker]
) -> list[tuple[tuple[int, int], list[Marker]]]:
    """Group markers by the sentence they follow; one that opens the text serves the first sentence."""
    groups: dict[tuple[int, int], list[Marker]] = {}
    for marker in markers:
        before = [sentence for sentence in sentences if sentence[0] < marker.plain]
        if before or sentences:
            groups.setdefault(before[-1] if before else sentences[0], []).append(marker)
        else:
            groups.setdefault((0, 0), []).append(marker)
    return list(groups.items())


def _pieces(plain: str, start: int, markers: Sequence[Marker]) -> dict[int, str]:
    """Cut a sentence at markers that stand apart: each piece may have a source of its own. Nothing when they stand
    together.
    """
    cuts = sorted({marker.plain for marker in markers})
    if len(cuts) < 2:
        return {}
    return {cut: plain[before:cut] for before, cut in zip([start, *cuts], cuts, strict=False)}


def _quotes(sentence: str, sources: dict[int, Source]) -> dict[int, Quote]:
    """Find each source's quote; sources that only support the sentence together are verified together."""
    quotes = {number: source.support(sentence) for number, source in sources.items()}
    parts = {n: q for n, q in quotes.items() if q.overlap >= ENOUGH_OF_PART}
    if len(parts) < 2 or all(quote.verified for quote in quotes.values()):
        return quotes
    texts = [sources[number].text[quote.start : quote.end] for number, quote in parts.items()]
    held = {stem for text in texts for stem in content_stems(text)}
    wanted = content_stems(sentence)
    enough = sum(stem in held for stem in wanted) >= ENOUGH_WORDS * len(wanted)
    stated = digits(sentence) <= frozenset().union(*(numbers(text) for text in texts))
    if enough and stated and negated(sentence) in {negated(text) for text in texts}:
        quotes.update({number: replace(quote, verified=True) for number, quote in parts.items()})
    return quotes


def _citation(passage: ShownPassage, quote: Quote) -> Citation:
    start, end = (quote.start, quote.end) if quote.end > quote.start else (0, len(passage.text))
    return Citation(
        number=passage.number,
        document_id=passage.document_id,
        chunk_id=passage.chunk_id,
        title=passage.title,
        url=passage.url,
        filepath=passage.filename,
        content=passage.text[start:end],
        start_index=passage.start + start,
        end_index=passage.start + end,
        score=passage.score,
        verified=quote.verified,
        overlap=quote.overlap,
        page_start=passage.page_start,
        page_end=passage.page_end,
    )


def _annotation(marker: Marker, index: int, citation: Citation, marked: MarkedText, start: int, end: int) -> Annotation:
    return Annotation(
        number=marker.number,
        citation=index,
        start_index=marker.start,
        end_index=marker.end,
        sentence_start=marked.to_text[start],
        sentence_end=marked.to_text[end - 1] + 1 if end > start else marked.to_text[start],
        url=citation.url,
        title=citation.title,
        verified=citation.verified,
    )
