"""Cuts text into sentences by rule, fast enough to run on every query. Knows English abbreviations and CJK full stops.

Offsets only: a sentence is a slice of the text it came from, so that a citation can quote it exactly. Table rows, list
items, headings and the lines of an address each stand alone; wrapped lines of prose do not.
"""

from __future__ import annotations

import re

MAX_SENTENCE_CHARS = 600

# Never the end of a sentence: something always follows.
_OPEN_WORDS = """
    mr mrs ms dr prof rev hon gov sen rep pres gen col sgt capt lt cmdr maj adm supt messrs mme mlle mx st mt ft
    fig figs eq eqs sec sect ch chap vol vols ed eds e.g i.e eg ie cf vs v viz approx ca resp incl excl
    op no nos nr pp p para art dept univ assn bros tel ext jan feb mar apr jun jul aug sep sept oct nov dec
"""
# Often the end: it is one when the next word begins a sentence the way sentences begin.
_MAYBE_WORDS = """
    inc ltd co corp llc plc jr sr etc al u.s u.k u.n e.u d.c a.m p.m ph.d m.d b.c a.d b.a m.a bldg ave blvd rd est
"""
_STARTER_WORDS = """
    the a an this that these those it its he she they we you i his her their our my your there here in on at by for from
    to with when while after before if although though because since however but and so as what who why how where which
    many some most all each every one two another other according during no not both such then thus also
"""
# What is an abbreviation as well as a word: before a word that begins a sentence, it is the word.
_ALSO_WORDS = frozenset({"no", "nos", "p", "art", "v", "ed", "mar", "st"})
_OPEN, _MAYBE, _STARTERS = (frozenset(words.split()) for words in (_OPEN_WORDS, _MAYBE_WORDS, _STARTER_WORDS))
_END = re.compile(
    r"(?P<mark>[.!?…]+)(?P<close>[\"'”’»)\]]*(?:\[\d+\])*)(?=\s+(?P<next>[\"'“‘«(\[]*[^\s\"'“‘«(\[]))"
    r"|(?P<cjk>[。！？｡]+[」』”’）]*)"
)
_LINE_BREAK = re.compile(r"[ \t]*\n\s*")
_LIST_ITEM = re.compile(r"(?:[-*+•‣▪●○◦■□·]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)]|#{1,6}|>|\|)[ \t]+\S|\|")
_LAST_WORD = re.compile(r"[^\s(\[\"'“‘/—–]+$")
_FIRST_WORD = re.compile(r"[\"'“‘«(\[]*([^\W\d_]+(?:['’][^\W\d_]+)?)")
_KEY_LINE = re.compile(r"[\w .\[\]/-]{1,60}: \S")
_WRAPPED_CHARS = 50


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Cut text into sentences.

    Args:
        text: Any text.

    Returns:
        (start, end) of every sentence, in order, without overlap and without blanks at either end; together they cover
        everything but blanks. None is longer than `MAX_SENTENCE_CHARS`.
    """
    spans: list[tuple[int, int]] = []
    for start, end in _lines(text):
        _sentences(text, start, end, spans)
    return spans


def _lines(text: str) -> list[tuple[int, int]]:
    """Give the pieces that no sentence crosses: paragraphs, list items, rows, short lines."""
    pieces, start, line_start = [], 0, 0
    for found in _LINE_BREAK.finditer(text):
        if text.count("\n", found.start(), found.end()) > 1 or _separate(
            text[line_start : found.start()], text, found.end()
        ):
            pieces.append((start, found.start()))
            start = found.end()
        line_start = found.end()
    pieces.append((start, len(text)))
    return pieces


def _separate(line: str, text: str, after: int) -> bool:
    """Tell whether a single line break ends a sentence."""
    following = text[after : after + 80].partition("\n")[0]
    if " | " in line or " | " in following or _LIST_ITEM.match(following):
        return True
    if following[:1].islower() and not _KEY_LINE.match(following):
        return False
    if line.endswith((".", "!", "?", ":", "…", "。", "”", '"')) or line.startswith(("#", "|")):
        return True
    if _KEY_LINE.match(following) and _KEY_LINE.match(line.lstrip("- ")):
        return True
    return len(line) < _WRAPPED_CHARS and not line.endswith((",", ";", "-"))


def _sentences(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> None:
    begin = start
    for found in _END.finditer(text, start, end):
        if found.group("cjk") is None and not _ends(text, begin, found):
            continue
        _append(text, begin, found.end(), spans)
        begin = found.end()
    _append(text, begin, end, spans)


def _ends(text: str, begin: int, found: re.Match[str]) -> bool:
    mark, following = found.group("mark"), found.group("next")
    first = following[-1]
    if first.islower():
        return False  # "e.g. this", "… and so on", "Yahoo! is"
    if mark != ".":
        return True
    word_match = _LAST_WORD.search(text, max(begin, found.start() - 40), found.start())
    if word_match is None or found.group("close"):
        return True
    word = word_match.group().lower().lstrip("-*")
    if word in _OPEN:
        # "No. 5" is a number; "the answer is no. The next" is not.
        return (
            word in ("no", "nos", "p", "art", "v", "ed", "mar", "st")
            and not first.isdigit()
            and _starts_sentence(text, found)
        )
    if word in _MAYBE or (len(word) == 1 and word.isalpha()) or re.fullmatch(r"(?:[a-z]\.)+[a-z]", word):
        return _starts_sentence(text, found)
    at_line_start = word_match.start() <= begin or not text[begin : word_match.start()].strip(" -*#>\n\t")
    return not (at_line_start and (word.isdigit() or len(word) <= 2 and word.isalpha()))  # "1. Introduction"


def _starts_sentence(text: str, found: re.Match[str]) -> bool:
    first = _FIRST_WORD.match(text, found.start("next"))
    return first is not None and first.group(1)[0].isupper() and first.group(1).lower() in _STARTERS


def _append(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> None:
    """Add a sentence, trimmed; one that is too long is cut at a clause, else at a blank, else where it must."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while end - start > MAX_SENTENCE_CHARS:
        limit = start + MAX_SENTENCE_CHARS
        cut = max(text.rfind(mark, start + MAX_SENTENCE_CHARS // 3, limit) for mark in ("; ", ": ", ", ", "\n")) + 1
        if cut <= 0:
            cut = max(text.rfind(mark, start + 1, limit) for mark in (" ", "\t", "\u3000"))
        if cut <= start:
            cut = limit
        piece_end = cut
        while piece_end > start and text[piece_end - 1].isspace():
            piece_end -= 1
        spans.append((start, piece_end))
        start = cut
        while start < end and text[start].isspace():
            start += 1
    if start < end:
        spans.append((start, end))
