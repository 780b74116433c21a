"""Recognise an answer that says the documents do not hold what was asked."""

from __future__ import annotations

import re

from training.policy.base import ABSTENTION

_NOT = r"(?:\s+not|n['\u2019]t|not)\s+(?:\w+\s+){0,2}?"
_SOURCES = r"(?:documents?|passages?|sources?|context|texts?|information)\b"
_PHRASES = re.compile(
    rf"""\bI\s+(?:could|can|was|am|did){_NOT}(?:find|locate|answer|able)\b
    |\bI\s+(?:do|did){_NOT}(?:know|have)\b
    |\b{_SOURCES}(?:\s+\w+){{0,4}}?\s+(?:do|does|did){_NOT}(?:contain|mention|provide|include|say|state|specify|cover|answer|address|have)\b
    |\b(?:was|were|is|are){_NOT}(?:found|mentioned|stated|specified|covered|answered|in)\s(?:.*\s)?{_SOURCES}
    |\b(?:no|any)\s+(?:relevant\s+|such\s+)?(?:information|mention|answer)\b
    |\bunable\s+to\s+(?:find|answer|locate)\b|\binsufficient\s+information\b""",
    re.IGNORECASE | re.VERBOSE,
)
_FIRST_SENTENCE = re.compile(r".*?(?:[.!?](?=\s|$)|\n|$)", re.DOTALL)
_LONGEST_WORDS = 60  # an answer that goes on at length did find something


def is_abstention(text: str) -> bool:
    """Tell whether an answer, markers taken out, abstains: its first sentence says that the answer is not there.

    Args:
        text: the answer without `[n]` markers. An empty one abstains.

    Returns:
        True for the shipped abstention text and for the usual English ways of saying it.
    """
    plain = text.strip()
    if not plain or plain.startswith(ABSTENTION):
        return True
    if len(plain.split()) > _LONGEST_WORDS:
        return False
    match = _FIRST_SENTENCE.match(plain)
    first = match.group() if match else plain
    return bool(_PHRASES.search(first))
