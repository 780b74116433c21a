"""Find what a sentence is about: the names and noun phrases that a later pronoun may stand for. Rules, no model."""

from __future__ import annotations

import re

from service.chat.words import DETERMINERS, LIGHT, PREPOSITIONS, WORD

_QUOTED = re.compile(r"[\"“«`]([^\"”»`\n]{2,60})[\"”»`]")
_MAX_SCANNED = 2_000  # characters; a topic is named early, and pasted text must not cost time
_COPULAS = frozenset({"is", "are", "was", "were"})
_LIKE_A_NAME = re.compile(r"[A-Z0-9].*[A-Z0-9]")  # FAISS, X200, OpenAI: a capital that no sentence start explains
_JOINERS = frozenset({"of", "the", "de", "la", "van", "von", "and", "for"})


def person_in(text: str) -> str | None:
    """Give the first name of two or more capitalised words, such as a person has."""
    return next((name for name in _names(text) if " " in name), None)


def topic_of(question: str) -> str | None:
    """Give what a question is about, or None when the rules see nothing that could be referred to.

    A quoted phrase wins, then the first name, then the last noun phrase that a determiner or a preposition opens, then
    what follows `is` or `are`.

    Args:
        question: One self-contained question.

    Returns:
        The phrase as written, without a leading question word.
    """
    text = question[:_MAX_SCANNED]
    if quoted := _QUOTED.search(text):
        return quoted.group(1).strip()
    if names := _names(text):
        return _with_noun(text, names[0])
    return _noun_phrase(text)


def _with_noun(text: str, name: str) -> str:
    """Give a name behind an article the noun it qualifies: "the X200 pump"."""
    start = text.index(name)
    if not text[:start].lower().endswith(" the "):
        return name
    end = start + len(name)
    for match in WORD.finditer(text, end):
        if match.group().lower() in LIGHT or not text[end : match.start()].isspace():
            break
        end = match.end()
    return f"the {text[start:end]}"


def _names(text: str) -> list[str]:
    """Runs of capitalised words, without the word that merely opens a sentence."""
    names: list[str] = []
    run: list[re.Match[str]] = []
    previous_end = 0
    for match in [*WORD.finditer(text[:_MAX_SCANNED]), None]:
        adjacent = match is not None and (not run or text[previous_end : match.start()].isspace())
        if match is not None and adjacent and _continues(match.group(), run):
            run.append(match)
        else:
            if name := _trim(text, run):
                names.append(name)
            run = [match] if match is not None and _capital(match.group()) else []
        previous_end = match.end() if match is not None else previous_end
    return names


def _capital(word: str) -> bool:
    return word[0].isupper() and word not in ("I", "I'm", "I've")


def _continues(word: str, run: list[re.Match[str]]) -> bool:
    return _capital(word) or (bool(run) and (word.lower() in _JOINERS or word.isdigit()))


def _trim(text: str, run: list[re.Match[str]]) -> str | None:
    """Drop joiners at the ends, and a first word whose capital only says that a sentence begins."""
    kept = list(run)
    if len(kept) == 1 and _opens_sentence(text, kept[0].start()) and not _LIKE_A_NAME.search(kept[0].group()):
        return None
    while kept and not _capital(kept[-1].group()) and not kept[-1].group().isdigit():
        kept.pop()
    while kept and (kept[0].group().lower() in LIGHT or kept[0].group().lower() in _JOINERS):
        kept.pop(0)
    return text[kept[0].start() : kept[-1].end()] if kept else None


def _opens_sentence(text: str, position: int) -> bool:
    before = text[:position].rstrip(" \t\"'“‘([")
    return not before or before[-1] in ".?!:\n"


def _noun_phrase(text: str) -> str | None:
    tokens = list(WORD.finditer(text))
    lowered = [token.group().lower() for token in tokens]
    # Phrases between function words: the last that a determiner or a preposition opens, else one behind an auxiliary.
    best: str | None = None
    fallback: str | None = None
    start = 0
    while start < len(tokens):
        if lowered[start] in LIGHT:
            start += 1
            continue
        end = start
        while end < len(tokens) and lowered[end] not in LIGHT:
            end += 1
        opener = lowered[start - 1] if start else ""
        phrase = text[tokens[start].start() : tokens[end - 1].end()]
        if opener in DETERMINERS or opener in PREPOSITIONS:
            best = f"the {phrase}" if opener == "the" else phrase
        elif opener in _COPULAS or (opener and end == start + 1):
            # Behind another auxiliary a verb may follow the noun ("how do vaccines work"): only one word is safe.
            fallback = fallback or phrase
        start = end
    return best or fallback
