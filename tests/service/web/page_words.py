"""The words of the page, in `strings.js`, and which of them the other files say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.service.web.page_sources import PAGE, code, ours

_TOKEN = re.compile(
    r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|[\w$]+|\s+|.""", re.DOTALL
)
_NAME = r"[A-Za-z_$][\w$]*"
_CHAIN = rf"(?<![\w$.]){_NAME}(?:\s*\??\.\s*{_NAME})*"
# An alias (`const words = strings.chat;`), members taken out (`const { ask } = strings.chat;`), or a word that is said.
_SAYING = re.compile(rf"\b(?:const|let)\s+(?:({_NAME})|\{{([^}}]*)\}})\s*=\s*({_CHAIN})\s*;|({_CHAIN})")

Place = tuple[str, ...]


def words() -> list[Place]:
    """Give the place of every text: `("signIn", "wrong")`."""
    text = (PAGE / "strings.js").read_text()
    found = _TOKEN.findall(text[text.index("strings =") :])
    tokens = [one for one in found if not one.isspace() and not one.startswith(("//", "/*"))]
    start = tokens.index("{") + 1
    return list(_object(iter(tokens[start:]), ()))


def said() -> set[Place]:
    """Give every place that a file says; one that is handed on, or looked into by a name, stands for all below it."""
    found: set[Place] = set()
    for path in ours(".js"):
        if path.name != "strings.js":
            found |= set(_said_in(code(path)))
    return found


def _object(tokens: Iterator[str], at: Place) -> Iterator[Place]:
    """Read the members of an object up to its end; what is not an object is a text."""
    for token in tokens:
        if token == "}":
            return
        if token == ",":
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
