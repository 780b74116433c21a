"""What tells whether passages support a sentence: named figures of words, numbers, names, polarity and meaning.

Nothing here is learned; `groundedness` weighs the figures. Most of a claim that is made up shows in words, numbers or
names that no passage holds; a claim put together wrongly shows in words that no one passage sentence holds together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from math import log1p

import numpy as np
import numpy.typing as npt

from retrieval.sentences import split_sentences
from training.citations.support import Source
from training.words import STOP_WORDS, content_stems, digits, negated, numbers, stem, words

Array = npt.NDArray[np.float32]
Encode = Callable[[Sequence[str]], Array]

FEATURES = (
    "window_overlap",  # share of the content words in the best one or two sentences
    "window_overlap_squared",
    "passage_overlap",  # the same in the best passage
    "coverage",  # the same in all passages together
    "words_missing",  # log(1 + content words that no passage holds)
    "bigram_coverage",  # share of neighbouring content words that some passage holds side by side
    "longest_run",  # share of the words in the longest stretch that stands in a passage word for word
    "number_missing",  # 1: a number in digits that no passage states
    "number_apart",  # 1: a number that the best window does not state
    "names_missing",  # share of the capitalised words that no passage holds
    "names_apart",  # share of them that the best window does not hold
    "polarity",  # 1: the best window is negated and the sentence is not, or the other way round
    "polarity_overlap",  # polarity x window overlap squared: said of the very same thing
    "antonym",  # 1: the best window says the opposite of a word of the sentence
    "antonym_overlap",  # antonym x window overlap squared
    "best_cosine",  # with the nearest sentence of any passage
    "window_cosine",  # with the best window
    "cosine_overlap",  # best cosine x window overlap
    "words",  # log(1 + content words)
    "speaker",  # 1: the sentence speaks of "I" or "we", and the best window does not
    "question",  # 1: it asks
)
_SPEAKER = re.compile(r"\b(?:i|i'm|i've|my|me|mine|we|our|us)\b", re.IGNORECASE)
_NEGATIONS = frozenset({"not", "no", "never", "none", "neither", "nor", "without", "cannot", "t"})
_CAPITAL = re.compile(r"(?<![.!?]\s)(?<!^)(?<![\"'(])\b[A-Z]\w+")
_PAIRS = """above below|after before|always never|all none|allow forbid|allowed forbidden|arrive leave|begin end
    best worst|bigger smaller|buy sell|cause prevent|cold hot|day night|decrease increase|decreased increased
    deep shallow|defeat lose|defeated lost|die live|died lived|dry wet|east west|earlier later|early late
    easy difficult|empty full|enter exit|fail succeed|failed succeeded|fall rise|fast slow|father mother
    female male|few many|first last|first second|gain lose|good bad|half whole|heavy light|her his|he she
    high low|higher lower|husband wife|import export|include exclude|inside outside|internal external|king queen
    large small|larger smaller|largest smallest|left right|less more|least most|longer shorter|long short
    maximum minimum|major minor|man woman|married divorced|mandatory optional|modern ancient|negative positive
    new old|newer older|north south|northern southern|eastern western|odd even|on off|open close|opened closed
    oldest youngest|older younger|over under|public private|pull push|required optional|rich poor|safe dangerous
    same different|single double|son daughter|strong weak|supported opposed|tall short|thick thin|true false
    up down|upper lower|visible hidden|warm cold|win lose|winner loser|won lost|with without|young old"""


@lru_cache(maxsize=1)
def opposites() -> dict[str, frozenset[str]]:
    """Give the words that say the opposite of a word."""
    found: dict[str, set[str]] = {}
    for pair in re.split(r"[|\n]", _PAIRS):
        left, right = pair.split()
        found.setdefault(left, set()).add(right)
        found.setdefault(right, set()).add(left)
    return {word: frozenset(others) for word, others in found.items()}


class Evidence:
    """The passages, prepared once for all the sentences of an answer. Not thread-safe."""

    def __init__(self, passages: Sequence[str], encode: Encode) -> None:
        """Take passages.

        Args:
            passages: Their texts.
            encode: Gives the unit vectors of texts, `(n, d)` float32; asked once for the passages' sentences.
        """
        self._encode = encode
        self._sources = [Source(text) for text in passages]
        self._spans: list[str] = []  # sentences of all passages
        self._windows: list[tuple[tuple[int, ...], str, Counter[str]]] = []  # places in _spans, text, content stems
        for text in passages:
            sentences = split_sentences(text)
            first = len(self._spans)
            self._spans += [text[start:end] for start, end in sentences]
            stems = [Counter(content_stems(said)) for said in self._spans[first:]]
            for at, (start, end) in enumerate(sentences):
                self._windows.append(((first + at,), text[start:end], stems[at]))
                if at:
                    both = (first + at - 1, first + at)
                    self._windows.append((both, text[sentences[at - 1][0] : end], stems[at - 1] + stems[at]))
        tokens = [words(text) for text in passages]
        self._held = [Counter(content_stems(text)) for text in passages]
        self._every: Counter[str] = sum(self._held, Counter())
        self._raw = frozenset(word for text in tokens for word in text)
        self._text = [f" {' '.join(text)} " for text in tokens]
        self._bigrams = frozenset(pair for text in tokens for pair in _bigrams(text))
        self._numbers = frozenset().union(*(numbers(text) for text in passages))

    def verbatim(self, sentence: str) -> bool:
        """Tell whether a passage holds the sentence word for word."""
        return any(source.verbatim(sentence) is not None for source in self._sources)

    def features(self, sentence: str) -> Array:
        """Give the figures of a sentence, `(len(FEATURES),)` float32, in the order of `FEATURES`."""
        # Without its negation: a neighbouring sentence that happens to hold a "not" must not be the better window.
        said, wanted = words(sentence), Counter(one for one in content_stems(sentence) if one not in _NEGATIONS)
        total = max(wanted.total(), 1)
        places, window, overlap = self._best_window(wanted, total)
        best_cosine, window_cosine = self._cosines(sentence, places)
        missing = sum(count for one, count in wanted.items() if one not in self._every)
        names = [stem(word.casefold()) for word in _CAPITAL.findall(sentence) if word.casefold() not in STOP_WORDS]
        near = set(content_stems(window))
        pairs = _bigrams(said)
        turned, opposed = negated(sentence) != negated(window), _contrary(said, words(window))
        return np.array(
            [
                overlap,
                overlap**2,
                max(((wanted & held).total() / total for held in self._held), default=0.0),
                1 - missing / total,
                log1p(missing),
                sum(pair in self._bigrams for pair in pairs) / len(pairs) if pairs else overlap,
                self._longest_run(said) / max(len(said), 1),
                not digits(sentence) <= self._numbers,
                not digits(sentence) <= numbers(window),
                sum(name not in self._every for name in names) / max(len(names), 1),
                sum(name not in near for name in names) / max(len(names), 1),
                turned,
                turned * overlap**2,
                opposed,
                opposed * overlap**2,
                best_cosine,
                window_cosine,
                best_cosine * overlap,
                log1p(wanted.total()),
                bool(_SPEAKER.search(sentence)) and not _SPEAKER.search(window),
                sentence.rstrip().endswith("?"),
            ],
            np.float32,
        )

    @cached_property
    def _rows(self) -> Array:
        return self._encode(self._spans)

    def _best_window(self, wanted: Counter[str], total: int) -> tuple[tuple[int, ...], str, float]:
        best: tuple[tuple[int, ...], str, float] = ((), "", 0.0)
        for places, text, stems in self._windows:
            overlap = (wanted & stems).total() / total
            if overlap > best[2] + 1e-9:  # the shorter one wins a tie
                best = (places, text, overlap)
        return best

    def _cosines(self, sentence: str, places: tuple[int, ...]) -> tuple[float, float]:
        if not self._spans:
            return 0.0, 0.0
        own = self._encode([sentence])[0]
        near = self._rows @ own  # (n, d) @ (d,)
        if not places:
            return float(near.max()), float(near.min())
        window = self._rows[list(places)].sum(axis=0)
        return float(near.max()), float(window @ own / max(float(np.linalg.norm(window)), 1e-9))

    def _longest_run(self, said: Sequence[str]) -> int:
        """Count the words of the longest stretch that stands in one passage."""
        longest = start = 0
        for end in range(1, len(said) + 1):
            while start < end and not any(f" {' '.join(said[start:end])} " in text for text in self._text):
                start += 1
            longest = max(longest, end - start)
        return longest


def _bigrams(found: Sequence[str]) -> list[tuple[str, str]]:
    """Give the neighbours among the words that carry meaning."""
    kept = [stem(word) for word in found if word not in STOP_WORDS]
    return list(zip(kept, kept[1:], strict=False))


def _contrary(said: Sequence[str], window: Sequence[str]) -> bool:
    """Tell whether the window holds the opposite of a word of the sentence that it does not hold itself."""
    own, there = set(said), set(window)
    return any(opposites()[word] & (there - own) for word in own - there if word in opposites())
