"""Questions to a sentence by rule, without a language model: English clauses turned into questions, else keywords.

The rules are few and strict: a pattern that is not sure of its subject asks nothing. What they leave over becomes what
people type into a search box: the section and the rarest words of the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from training.policy.base import ShownPassage
from training.words import STOP_WORDS, stem, words

_ARTICLE = r"(?:The |An? |All |Every |Each |Your |Our )?"
_NO_NOUN = r"(?!(?:that|which|who|is|are|was|were|has|have|and|or|but|if|when|may|can|must|to|not|of which)\b)"
_WORD = rf"{_NO_NOUN}[\w'\u2019/-]+"
_SUBJECT = rf"(?P<subject>{_ARTICLE}{_WORD}(?: {_WORD}){{0,5}})"
_BE = r"(?P<be>is|are|was|were)"
_MODAL = r"(?P<modal>must|should|can|may|will|shall)"
_PARTICIPLE = (
    r"(?P<done>(?:\w+ly )?\w+ed|sent|paid|made|held|built|kept|given|taken|found|sold|known|shown|written|bought)"
)
_TIME = (
    r"(?:within|after|before|until|during|every|since|on|in) "
    r"(?:the )?(?=[^.,;]*(?:\d{4}|day|week|month|year|hour|minute|January|February|March|April|May|June|July|August|"
    r"September|October|November|December|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday))"
)
_PLACE = r"(?:at|in|from) (?=(?:the )?[A-Z][a-z])"
_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(rf"{_SUBJECT} {_BE} {_PARTICIPLE} {_TIME}"), lambda m: f"When {m['be']} {_name(m)} {m['done']}?"),
    (re.compile(rf"{_SUBJECT} {_BE} {_PARTICIPLE} {_PLACE}"), lambda m: f"Where {m['be']} {_name(m)} {m['done']}?"),
    (
        re.compile(rf"{_SUBJECT} {_BE} {_PARTICIPLE} by "),
        lambda m: f"By whom {m['be']} {_name(m)} {m['done']}?",
    ),
    (re.compile(rf"{_SUBJECT} {_BE} (?:an? |the )"), lambda m: f"{_what(m)} {m['be']} {_name(m)}?"),
    (re.compile(rf"{_SUBJECT} {_MODAL} (?!not\b)"), lambda m: f"What {m['modal']} {_name(m)} do?"),
)
_UNSURE_WORDS = """it its this that these those they them he she we you i his her their our here there then thus also
    however but and or so such which who when while if as because although both either another other some many"""
_UNSURE = frozenset(_UNSURE_WORDS.split())
_KEYWORDS = 4
_DIGITS = re.compile(r"^[\d.,]+$")


def is_self_contained(sentence: str) -> bool:
    """Tell whether a sentence can stand alone: long enough, a statement, and not leaning on the one before."""
    said = words(sentence)
    return (
        6 <= len(said) <= 45
        and said[0] not in _UNSURE
        and sentence.rstrip().endswith((".", "!"))
        and sum(word not in STOP_WORDS for word in said) >= 4
    )


def ask_by_rule(passage: ShownPassage, rarity: Callable[[str], float]) -> str:
    """Ask for the sentence that is the text of a passage.

    Args:
        passage: The sentence as `text`, with the title and headings of the passage it stands in.
        rarity: Larger for a stem that fewer passages have.

    Returns:
        A question, or keywords as people search with them; empty when the sentence gives none.
    """
    sentence = " ".join(passage.text.split())
    for pattern, question in _RULES:
        found = pattern.match(sentence)
        if found and _is_subject(found["subject"]):
            return question(found)
    return _keywords(passage, rarity)


def _keywords(passage: ShownPassage, rarity: Callable[[str], float]) -> str:
    """Give the last heading (else the title) and the rarest words of the sentence in their order, without numbers:
    numbers are what is asked for.
    """
    topic = (passage.heading_path[-1] if passage.heading_path else passage.title).replace("_", " ")
    known = {stem(word) for word in words(topic)}
    offered = {
        word: rarity(stem(word))
        for word in words(passage.text)
        if word not in STOP_WORDS and not _DIGITS.match(word) and len(word) > 2 and stem(word) not in known
    }
    few = min(_KEYWORDS, len(offered) // 2)  # more would repeat the sentence
    rarest = sorted(offered, key=lambda word: (-offered[word], word))[:few]
    if few < 2:
        return ""
    return " ".join([topic.strip(), *(word for word in offered if word in rarest)]).strip()


def _is_subject(subject: str) -> bool:
    said = words(subject)
    return bool(said) and said[0] not in _UNSURE and any(word not in STOP_WORDS for word in said)


def _what(match: re.Match[str]) -> str:
    last = match["subject"].split()[-1]
    return "Who or what" if last[0].isupper() and not last.isupper() else "What"


def _name(match: re.Match[str]) -> str:
    """Put a subject into the middle of a sentence: its article small, its name as it is."""
    first, _, rest = match["subject"].partition(" ")
    if first in ("The", "A", "An", "All", "Every", "Each", "Your", "Our"):
        return f"{first.lower()} {rest}"
    plain = first[1:].islower() and first.lower().endswith("s") and not rest
    return f"{first.lower() if plain else first} {rest}".strip()
