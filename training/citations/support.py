"""Find the place in a source that supports a sentence: verbatim first, else the sentences that say most of it.

No model. A paraphrase counts as supported when the source window holds most of its content words, every number it
states, and the same polarity. That is a check against invention, not proof of entailment.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from retrieval.sentences import split_sentences
from training.citations.markers import unmarked_spans
from training.words import content_stems, digits, negated, numbers

ENOUGH_WORDS = 0.6  # share of the sentence's content words that the source must hold
ENOUGH_OF_PART = 0.25  # the same for one of several sources of a sentence
_IGNORED = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff*`")  # invisible, or Markdown's emphasis
_SAME = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2013": "-",
        "\u2014": "-",
        "\u2212": "-",
        "\u2026": "...",
    }
)
_EDGES = " .,;:!?*_#>\"'()-"


@dataclass(frozen=True, slots=True)
class Quote:
    """A span of the source, how much of the sentence it holds, and whether that is enough."""

    start: int
    end: int
    overlap: float  # share of the sentence's content words; 1.0 for a verbatim quote
    verified: bool
    verbatim: bool = False


class Source:
    """The text of one passage, prepared once for all the sentences that cite it. Not thread-safe."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _normal(self) -> tuple[str, list[int]]:
        return normalise(self.text)

    @cached_property
    def _windows(self) -> list[tuple[int, int, Counter[str]]]:
        """Give every sentence and every pair of neighbours with their content stems."""
        spans = split_sentences(self.text)
        stems = [Counter(content_stems(self.text[start:end])) for start, end in spans]
        windows = [(start, end, stem) for (start, end), stem in zip(spans, stems, strict=True)]
        for left, right in zip(windows, windows[1:], strict=False):
            windows.append((left[0], right[1], left[2] + right[2]))
        return windows

    def verbatim(self, sentence: str) -> tuple[int, int] | None:
        """Find the sentence word for word, blanks, quotation marks, dashes and letter case aside."""
        wanted = normalise(sentence)[0].strip(_EDGES)
        if not wanted or (len(content_stems(wanted)) < 2 and not digits(wanted)):
            return None  # "No" stands in every text and supports nothing
        normal, offsets = self._normal
        at = normal.find(wanted)
        while at >= 0:
            end = at + len(wanted)
            if not (normal[at - 1 : at].isalnum() and wanted[0].isalnum()) and not (
                normal[end : end + 1].isalnum() and wanted[-1].isalnum()
            ):
                return offsets[at], offsets[end - 1] + 1
            at = normal.find(wanted, at + 1)
        return None

    def support(self, sentence: str) -> Quote:
        """Find the best quote for a sentence; an empty span where no word of it is in the source."""
        exact = self.verbatim(sentence)
        if exact is not None:
            return Quote(*exact, overlap=1.0, verified=True, verbatim=True)
        wanted = Counter(content_stems(sentence))
        total = wanted.total()
        best = Quote(0, 0, 0.0, verified=False)
        if not total:
            return best
        for start, end, stems in self._windows:
            overlap = (wanted & stems).total() / total
            if overlap > best.overlap + 1e-9:  # the shorter window wins a tie: single sentences come first
                best = Quote(start, end, overlap, verified=False)
        window = self.text[best.start : best.end]
        sound = best.overlap >= ENOUGH_WORDS and total >= 2 and agrees(sentence, window)
        return Quote(best.start, best.end, best.overlap, verified=sound)


def agrees(sentence: str, window: str) -> bool:
    """Tell whether a source window states every number of the sentence, and with the same polarity."""
    return digits(sentence) <= numbers(window) and negated(sentence) == negated(window)


def normalise(text: str) -> tuple[str, list[int]]:
    """Make texts comparable: markers and soft hyphens out, blanks single, case folded, quotes and dashes plain.

    Args:
        text: Any text.

    Returns:
        The normal form, and for each of its characters the offset in `text` it came from.
    """
    out: list[str] = []
    offsets: list[int] = []
    blank = True
    for start, end in unmarked_spans(text):
        for at in range(start, end):
            character = text[at]
            if character.isspace():
                if not blank:
                    out.append(" ")
                    offsets.append(at)
                blank = True
                continue
            if character in _IGNORED:
                continue
            blank = False
            folded = character.lower() if character.isascii() else _fold(character)
            out.extend(folded)
            offsets.extend([at] * len(folded))
    return "".join(out), offsets


def _fold(character: str) -> str:
    return unicodedata.normalize("NFKC", character).translate(_SAME).casefold()
