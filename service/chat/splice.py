"""Put the fragment of an elliptical follow-up into the question before it."""

from __future__ import annotations

import re

from service.chat.words import ARTICLES, DETERMINERS, LIGHT, PREPOSITIONS, WORD

_NOT_PHRASAL = PREPOSITIONS - {"of", "about"}


def join(previous: str, question: str) -> str:
    """Put a question behind the one it continues."""
    return f"{previous.strip()} {question.strip()}"


def splice(previous: str, fragment: str) -> str:
    """Make one question of a previous question and the fragment that varies it.

    Args:
        previous: A self-contained question.
        fragment: A verbless phrase: "in France", "dogs", "the radio".

    Returns:
        The varied question; both texts side by side where no place for the fragment is certain.
    """
    body = previous.strip().rstrip("?.! ")
    mark = previous.strip()[len(body) :].strip() or "?"
    tokens = list(WORD.finditer(body))
    lowered = [token.group().lower() for token in tokens]
    first = next(iter(WORD.findall(fragment)), "").lower()
    if first in PREPOSITIONS or first in DETERMINERS:
        fragment = fragment[:1].lower() + fragment[1:]
    if first in PREPOSITIONS:
        if first in lowered:
            start = len(lowered) - 1 - lowered[::-1].index(first)
            end = _phrase_end([token.group() for token in tokens], start + 1)
            return body[: tokens[start].start()] + fragment + body[tokens[end - 1].end() :] + mark
        return f"{body} {fragment}{mark}"
    place = _only_place(lowered, [token.group() for token in tokens], fragment)
    if place is None:
        return join(previous, fragment + "?")
    start = tokens[place].start()
    article = tokens[place - 1] if place and lowered[place - 1] in DETERMINERS else None
    if article is not None and (first in DETERMINERS or fragment[:1].isupper()):
        start = article.start()
    return f"{body[:start]}{fragment}{mark}"


def _phrase_end(written: list[str], start: int) -> int:
    """Index behind the phrase that begins at `start`: a name's end, else the next preposition or the end.

    After a name comes the verb ("the office in Berlin open"); after another noun the rules could not tell.
    """
    end = start
    while end < len(written) and written[end].lower() in DETERMINERS:
        end += 1
    if end < len(written) and written[end][0].isupper():
        while end < len(written) and (written[end][0].isupper() or written[end].isdigit()):
            end += 1
        return end
    while end < len(written) and written[end].lower() not in _NOT_PHRASAL:
        end += 1
    return end


def _only_place(lowered: list[str], written: list[str], fragment: str) -> int | None:
    """Index of the first word of the final phrase, when the fragment can only vary that one."""
    start = len(lowered)
    while start and lowered[start - 1] not in LIGHT:
        start -= 1
    if start == len(lowered) or start == 0:
        return None
    opener = lowered[start - 1]
    if re.match(r"[A-Z]", fragment) and written[start][0].isupper():
        return start  # one name for another
    if opener in PREPOSITIONS:
        return start if sum(word in PREPOSITIONS for word in lowered) == 1 else None
    if opener in DETERMINERS or opener in ARTICLES:
        return start if not any(word in PREPOSITIONS for word in lowered) else None
    return None
