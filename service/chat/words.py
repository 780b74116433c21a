"""The closed word classes that follow-up resolution looks at (English)."""

from __future__ import annotations

import re

WORD = re.compile(r"[^\W_]+(?:['’._/-][^\W_]+)*")


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


QUESTION_WORDS = _set("what who whom whose when where why how which")
AUXILIARIES = _set(
    "am is are was were be been being do does did have has had can could will would shall should may might must"
)
ARTICLES = _set("a an the")
DETERMINERS = ARTICLES | _set("my your our his her its their this that these those any some each every all")
PREPOSITIONS = _set(
    "about above after against among around at before behind below between by during for from in inside into of on onto"
    " outside over per since through to toward under until up upon with within without"
)
PERSONS = _set("he she him her his hers")
THINGS = _set("it its they them their theirs")
DEMONSTRATIVES = _set("this that these those")
POSSESSIVES = _set("his her its their")
# Words that carry no topic of their own.
LIGHT = (
    QUESTION_WORDS
    | AUXILIARIES
    | DETERMINERS
    | PREPOSITIONS
    | PERSONS
    | THINGS
    | _set(
        "i me we us you and or but so then also too as if than not no yes there here tell show give explain describe"
        " list say more please just ok okay thanks thank many much long often far old big s it's what's who's that's"
        " there's get one ones same other others another anything something else exactly mean"
        " means really very only again"
    )
)


def words(text: str) -> list[str]:
    """Give the words of a text in lower case, in order."""
    return [match.group().lower() for match in WORD.finditer(text)]


def topical(text: str) -> list[str]:
    """Give the words that carry a topic, in lower case, in order."""
    return [word for word in words(text) if word not in LIGHT]
