"""Characters that a reader does not see and a model does: removed before anything gets an offset.

Zero-width characters, bidirectional controls and tag characters can carry instructions that no person reviewing the
document would notice; control characters break lines, logs and JSON.
"""

from __future__ import annotations

import re
import unicodedata

# U+200C and U+200D join letters in Persian, Indic scripts and emoji: they stay between two word characters or symbols.
_INVISIBLE = re.compile(
    "["
    "\x00-\x08\x0e-\x1f\x7f-\x9f"  # controls, but not tab and what ends lines
    "\u00ad"  # soft hyphen
    "\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069"  # bidirectional and zero-width controls
    "\u180e\ufe00-\ufe0e\ufeff\ufff9-\ufffc\ufffe\uffff"  # selectors, BOM, annotation anchors, object replacement
    "\ud800-\udfff"  # lone surrogates
    "\U000e0000-\U000e0fff"  # tags and the second set of variation selectors
    "]+"
)
_JOINER = re.compile("[\u200c\u200d]+")
_LINE_END = re.compile("\r\n?|[\u2028\u2029\x0b\x0c\x85]")
_SPACES = re.compile(r"[^\S\n]+")
_JOINING_SCRIPT = re.compile("[\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u1800-\u18af]")


def _keep_joiner(match: re.Match[str]) -> str:
    text, at = match.string, match.start()
    before, after = text[at - 1 : at], text[match.end() : match.end() + 1]
    joins_letters = bool(_JOINING_SCRIPT.match(before) and _JOINING_SCRIPT.match(after))
    joins_emoji = bool(before and after) and (
        unicodedata.category(before) in ("So", "Sk", "Mn") and unicodedata.category(after) == "So"
    )
    return match.group()[0] if joins_letters or joins_emoji else ""


def clean_text(text: str) -> str:
    """Normalise line ends to newlines and drop the characters that nobody sees."""
    text = _LINE_END.sub("\n", text)
    text = _INVISIBLE.sub("", text)
    return _JOINER.sub(_keep_joiner, text) if "\u200c" in text or "\u200d" in text else text


def one_line(text: str) -> str:
    """Clean a piece of text that belongs on one line: a heading, a cell, a title."""
    return " ".join(clean_text(text).split())


def squeeze_lines(text: str) -> str:
    """Clean a paragraph: runs of blanks become one space, lines are trimmed, empty lines go."""
    lines = (_SPACES.sub(" ", line).strip() for line in clean_text(text).split("\n"))
    return "\n".join(line for line in lines if line)
