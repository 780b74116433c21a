"""The words of the page, in `strings.js`, and which of them the other files say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.service.web.page_sources import PAGE, code, name, ours

_WORDS = ("strings.js", "console/strings.js")
_TOKEN = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[\w$]+|\s+|.""", re.DOTALL)
_NAME = r"[A-Za-z_$][\w$]*"
_CHAIN = rf"(?<![\w$.]){_NAME}(?:\s*\??\.\s*{_NAME})*"
# An alias (`const words = strings.chat;`), members taken out (`const { ask } = strings.chat;`), or a word that is said.
_SAYING = re.compile(rf"\b(?:const|let)\s+(?:({_NAME})|\{{([^}}]*)\}})\s*=\s*({_CHAIN})\s*;|({_CHAIN})")

Place = tuple[str, ...]


def words() -> set[Place]:
    """Give the place of every text: `("signIn", "wrong")`."""
    return {place for one in _WORDS for place in _words_in(code(PAGE / one))}


def said() -> set[Place]:
    """Give every place that a file says; one that is handed on, or looked into by a name, stands for all below it."""
    found: set[Place] = set()
    for path in ours(".js"):
        if name(path) not in _WORDS:
            found |= set(_said_in(code(path)))
    return found


def _words_in(text: str) -> Iterator[Place]:
    found = _TOKEN.findall(_without_templates(text[text.index("strings = {") :]))
    tokens = [one for one in found if not one.isspace()]
    return _object(iter(tokens[tokens.index("{") + 1 :]), ())


def _without_templates(text: str) -> str:
    """Put an empty text where a template stands, with all that stands in it, templates included."""
    kept: list[str] = []
    depth: list[int] = []  # for each template that is open: how many braces are, inside its `${`
    at = 0
    while at < len(text):
        if text[at] == "`" and not (depth and depth[-1] == 0):
            depth.append(0)
            kept.append('""' if len(depth) == 1 else "")
        elif text[at] == "`":
            depth.pop()
        elif depth and depth[-1] == 0 and text[at] == "\\":
            at += 1
        elif depth and depth[-1] == 0 and text.startswith("${", at):
            depth[-1] = 1
            at += 1
        elif depth and depth[-1]:
            depth[-1] += (text[at] == "{") - (text[at] == "}")
        elif not depth:
            kept.append(text[at])
        at += 1
    return "".join(kept)


def _object(tokens: Iterator[str], at: Place) -> Iterator[Place]:
    """Read the members of an object up to its end; what is not an object is a text."""
    for token in tokens:
        if token == "}":
            return
        if token == ",":
            continue
        if token == ".":  # ...common: it is read where it stands
            for _ in range(3):
                next(tokens)
            continue
        key = token.strip("\"'")
        assert next(tokens) == ":", f"not a member: {token}"
        first = next(tokens)
        if first == "{":
            yield from _object(tokens, (*at, key))
        else:
            yield (*at, key)
            if _skip(tokens, first):
                return


def _skip(tokens: Iterator[str], token: str) -> bool:
    """Pass over a value; true where the object ended with it."""
    depth = 0
    while True:
        depth += (token in "([{") - (token in ")]}")
        if depth < 0:
            return True
        if depth == 0 and token == ",":
            return False
        token = next(tokens)


def _said_in(text: str) -> Iterator[Place]:
    """Give the places that are said, reading on from the top: an alias holds until the next of its name."""
    places: dict[str, Place] = {"strings": ()}
    for alias, taken, whole, chain in _SAYING.findall(text):
        place = _place(whole or chain, places)
        if place is None:
            places.pop(alias, None)
        elif alias:
            places[alias] = place
        elif taken:
            for one in taken.split(","):
                member, _, new = (part.strip() for part in one.partition(":"))
                places[new or member] = (*place, member)
                yield (*place, member)
        elif place:
            yield place


def _place(chain: str, places: dict[str, Place]) -> Place | None:
    first, *rest = re.split(r"\s*\??\.\s*", chain)
    return (*places[first], *rest) if first in places else None
