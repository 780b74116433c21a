"""Words, numbers and polarity of a text, cheaply and the same everywhere.

Pure functions on strings: no model, no corpus statistics. English gets stop words and a light stem; other languages
keep every word, which makes overlap stricter there but never wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_WORD = re.compile(r"\d+(?:[.,]\d+)*|\w+", re.UNICODE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS = re.compile(r",(?=\d{3}(?:\D|$))")
_NEGATION = re.compile(r"\b(?:not|no|never|none|neither|nor|without|cannot)\b|n['\u2019]t\b", re.IGNORECASE)
_STOP_WORDS = """a about above after again all also am an and any are as at be because been before being below between
    both but by can could did do does doing down during each either few for from further had has have having he her here
    hers him his how i if in into is it its itself just me might more most must my nor of off on once only or other our
    out over own same shall she should so some such than that the their them then there these they this those through to
    too under until up upon us very was we were what when where whether which while who whom whose why will with would
    you your"""
_SMALL_NUMBERS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen
    seventeen eighteen nineteen twenty"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
_NUMBER_WORDS = {word: str(value) for value, word in enumerate(_SMALL_NUMBERS.split())}
_SUFFIXES = ("ations", "ation", "ments", "ment", "ings", "ing", "edly", "ed", "ies", "es", "ly", "s")
_SHORTEST_STEM = 3


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Cut a lower-case word to a crude stem, so that forms of one word meet."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            word = word[: -len(suffix)]
            break
    return word[:-1] if word.endswith("e") and len(word) > _SHORTEST_STEM else word


def words(text: str) -> list[str]:
    """Give the lower-case words and numbers of a text in order, thousands separators removed."""
    return [_plain(word) if "," in word else word for word in _WORD.findall(text.casefold())]


def content_stems(text: str) -> list[str]:
    """Give the stems of the words that carry meaning, in order, repeated where they repeat."""
    return stems_of(words(text))


def stems_of(found: Iterable[str]) -> list[str]:
    """Give the stems of those words that carry meaning."""
    return [stem(word) for word in found if word not in STOP_WORDS]


def numbers(text: str) -> frozenset[str]:
    """Give the numbers a text states, as plain digits; `zero` to `twenty` count as numbers."""
    found = {_plain(match) for match in _NUMBER.findall(text)}
    found.update(_NUMBER_WORDS[word] for word in words(text) if word in _NUMBER_WORDS)
    return frozenset(found)


def digits(text: str) -> frozenset[str]:
    """Give the numbers a text writes in digits."""
    return frozenset(_plain(match) for match in _NUMBER.findall(text))


def negated(text: str) -> bool:
    """Tell whether a text contains an odd number of English negations."""
    return len(_NEGATION.findall(text)) % 2 == 1


def _plain(number: str) -> str:
    return _THOUSANDS.sub("", number)
