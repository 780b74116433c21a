"""The sentences a pointer may choose from, with the words of each taken apart once.

A passage comes back in many prompts, so what does not depend on the question is kept in a bounded cache keyed by its
text.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from retrieval.sentences import split_sentences
from training.policy.base import ShownPassage
from training.words import stems_of, words

_YEAR = re.compile(r"\b(?:1[0-9]{3}|20[0-9]{2})\b")
_DIGIT = re.compile(r"\d")
_NAME = re.compile(r"(?<![.!?\"'(\[]\s)(?<!^)\b[A-Z][\w'-]+")
_LONGEST = 600  # characters; a longer "sentence" is a table or a list that no splitter could cut
# Examples and table headers share words with a question and answer nothing by themselves.
_NOT_PROSE = re.compile(
    r"^(```|~~~)(?s:.*?)(?:^\1|\Z)"  # fenced code
    r"|(?:^[^\n]*\|[^\n]*\n)?^[ \t]*\|?(?:[ \t]*:?-{3,}:?[ \t]*\|?)+[ \t]*$",  # a table's rule, and the header above it
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of one passage, with what can be said about it before any question is known."""

    text: str  # as in the source
    start: int  # offsets in the passage's text
    end: int
    index: int  # place among the sentences of its passage, from 0
    stems: tuple[str, ...]  # content words, in order
    word_count: int
    has_year: bool
    has_digit: bool
    has_name: bool
    asks: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may be chosen, and the passage it comes from."""

    passage: int  # index into the prompt's passages
    sentence: Sentence


class SentenceBook:
    """Takes passages apart into sentences and remembers them. Thread-safe."""

    def __init__(self, capacity: int = 4096) -> None:
        self._capacity = capacity
        self._known: OrderedDict[str, tuple[Sentence, ...]] = OrderedDict()
        self._lock = Lock()

    def sentences(self, text: str) -> tuple[Sentence, ...]:
        """Give the sentences of a passage, in order; fenced code and fragments without a word are left out."""
        with self._lock:
            known = self._known.get(text)
            if known is not None:
                self._known.move_to_end(text)
                return known
        made = _take_apart(text)
        with self._lock:
            self._known[text] = made
            while len(self._known) > self._capacity:
                self._known.popitem(last=False)
        return made

    def candidates(self, passages: Sequence[ShownPassage]) -> list[Candidate]:
        """Give every distinct sentence of the passages, in the order shown.

        Chunks overlap and pages repeat their headers: the same text is offered once, from the passage shown first.
        """
        found: list[Candidate] = []
        seen: set[str] = set()
        for number, passage in enumerate(passages):
            for sentence in self.sentences(passage.text):
                if sentence.text not in seen:
                    seen.add(sentence.text)
                    found.append(Candidate(number, sentence))
        return found


def _take_apart(text: str) -> tuple[Sentence, ...]:
    made: list[Sentence] = []
    code = [match.span() for match in _NOT_PROSE.finditer(text)]
    for start, end in split_sentences(text):
        if any(first < end and start < last for first, last in code):
            continue
        for left in range(start, end, _LONGEST):
            piece = text[left : min(left + _LONGEST, end)]
            said = words(piece)
            if said:
                made.append(
                    Sentence(
                        text=piece,
                        start=left,
                        end=left + len(piece),
                        index=len(made),
                        stems=tuple(stems_of(said)),
                        word_count=len(said),
                        has_year=bool(_YEAR.search(piece)),
                        has_digit=bool(_DIGIT.search(piece)),
                        has_name=bool(_NAME.search(piece)),
                        asks=piece.rstrip().endswith("?"),
                    )
                )
    return tuple(made)
