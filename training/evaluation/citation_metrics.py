"""Do the citations of an answer carry it? Citation recall and precision after ALCE (Gao et al. 2023, arXiv 2305.14627,
section 4).

    recall     share of the factual sentences that their cited passages, taken together, support
    precision  share of the citations that are not irrelevant: a citation counts when its sentence is supported, and it
               supports the sentence alone or is needed by the others

Who decides about support is the caller's choice: words (the default, as the service verifies) or `Groundedness`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from retrieval.sentences import split_sentences
from training.citations import cite, is_abstention
from training.citations.markers import take_apart
from training.policy.base import ShownPassage
from training.words import content_stems

Supports = Callable[[str, Sequence[str]], bool]
_FEWEST_WORDS = 2  # "Yes." and "You're welcome!" state nothing that a passage could hold


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of an answer without its markers, and the numbers that it cites."""

    text: str
    cited: tuple[int, ...]
    factual: bool


@dataclass(frozen=True, slots=True)
class CitationScores:
    """NaN where there is nothing to score: no factual sentence, or no citation."""

    recall: float
    precision: float
    statements: int  # factual sentences
    citations: int  # of them


def statements(text: str, passages: Sequence[ShownPassage]) -> list[Statement]:
    """Cut an answer into sentences with what each cites.

    Args:
        text: With `[n]` markers. A marker belongs to the sentence before it; one that opens the text, to the first.
        passages: What was shown; markers with other numbers are left out.

    Returns:
        The sentences in order. A question, a sentence of fewer than two content words and an abstention state nothing.
    """
    marked = take_apart(text, {passage.number for passage in passages})
    spans = split_sentences(marked.plain)
    cited: list[list[int]] = [[] for _ in spans]
    for marker in marked.markers:
        before = [place for place, (start, _) in enumerate(spans) if start < marker.plain]
        if spans:
            cited[before[-1] if before else 0].append(marker.number)
    silent = is_abstention(marked.plain)
    return [
        Statement(said, tuple(dict.fromkeys(numbers)), not silent and states_something(said))
        for said, numbers in zip((marked.plain[start:end] for start, end in spans), cited, strict=True)
    ]


def states_something(sentence: str) -> bool:
    """Tell whether a sentence states something that a passage could hold."""
    return not sentence.rstrip().endswith("?") and len(content_stems(sentence)) >= _FEWEST_WORDS


def supported_by_words(sentence: str, passages: Sequence[str]) -> bool:
    """Tell whether a passage supports a sentence, or several do together: the service's rule, in `citations`."""
    if not passages:
        return False
    shown = [ShownPassage(number, "", "", "", text, 0.0) for number, text in enumerate(passages, 1)]
    markers = "".join(f"[{passage.number}]" for passage in shown)
    return any(citation.verified for citation in cite(f"{sentence} {markers}", shown).citations)


def citation_scores(
    text: str, passages: Sequence[ShownPassage], supports: Supports = supported_by_words
) -> CitationScores:
    """Score the citations of one answer.

    Args:
        text: With `[n]` markers.
        passages: What was shown.
        supports: Whether passages, taken together, support a sentence.

    Returns:
        The scores of this answer; the mean over answers is ALCE's figure.
    """
    texts = {passage.number: passage.text for passage in passages}
    factual = [statement for statement in statements(text, passages) if statement.factual]
    recalled = right = count = 0
    for statement in factual:
        cited = statement.cited
        count += len(cited)
        if not cited or not supports(statement.text, [texts[number] for number in cited]):
            continue
        recalled += 1
        for number in cited:
            others = [texts[other] for other in cited if other != number]
            if supports(statement.text, [texts[number]]) or not (others and supports(statement.text, others)):
                right += 1
    return CitationScores(
        recall=recalled / len(factual) if factual else math.nan,
        precision=right / count if count else math.nan,
        statements=len(factual),
        citations=count,
    )
