"""Make a follow-up question self-contained from the history: deterministic rules for English, no model, microseconds.

What it does, in this order, with the previous question already resolved the same way:

1. A question that stands alone, or has no question before it, is left as it is. So is a long one, and one that names
   what its own pronoun stands for ("If the server crashes, how do I restart it?").
2. *Ellipsis* - "And in France?", "What about dogs?", "For cats?" - is spliced into the previous question: the phrase
   with the same preposition, or the only phrase of its kind, is replaced; a new prepositional phrase goes to the end.
3. *Anaphora* - "When did it open?", "Where was she born?" - has its pronoun replaced by the topic of the previous
   question, or by the person the last answer named.
4. What remains - "Why?", "Tell me more", "the second one" - is put behind the previous question.

What it does not know: other languages (only very short questions are joined there), topics named long ago, and whether
the splice reads well. The result is for retrieval, and is recorded beside the question as asked, which never changes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from service.chat.splice import join, splice
from service.chat.topics import person_in, topic_of
from service.chat.words import (
    AUXILIARIES,
    DEMONSTRATIVES,
    DETERMINERS,
    PERSONS,
    POSSESSIVES,
    PREPOSITIONS,
    QUESTION_WORDS,
    THINGS,
    WORD,
    topical,
    words,
)
from training.policy.base import ABSTENTION, Turn

Kind = Literal["standalone", "ellipsis", "anaphora", "continuation"]
_LONGEST_CHARS = 300  # longer questions carry their own context
_TURNS = 6  # questions looked back on
_OPENER = re.compile(r"^(?:(?:ok|okay|and|so|but|also|then|or|what about|how about|what if)\b[,\s]*)+", re.IGNORECASE)
_REFERS_BACK = re.compile(
    r"\b(?:the (?:others?|same|former|latter|first|second|third|last)\b(?=\s*[?.!,]|\s*$|\s+ones?\b)"
    r"|(?:that|this|which|other) one\b)",
    re.IGNORECASE,
)
_EXPLETIVE = re.compile(
    r"\b(?:is|was|be|would|will)\s+it\s+(?:be\s+)?(?:not\s+)?"
    r"(?:possible|necessary|required|allowed|true|mandatory|legal|illegal|ok|okay|worth|enough|time|raining|snowing)\b"
    r"|\bit(?:'s|\s+is)\s+\w+\s+(?:to|that)\b|\btime is it\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Resolution:
    """A question in its self-contained form, and which rule made it so."""

    text: str
    kind: Kind


def resolve(question: str, history: Sequence[Turn]) -> Resolution:
    """Resolve a question against the turns before it.

    Args:
        question: The question as asked.
        history: Earlier turns, oldest first.

    Returns:
        The self-contained question; `standalone` and the same text when nothing had to be done.
    """
    previous: str | None = None
    answer = ""
    asked = [i for i, turn in enumerate(history) if turn.role == "user"][-_TURNS:]
    for turn in history[asked[0] :] if asked else ():
        if turn.role == "user":
            previous = _resolve_one(turn.text, previous, answer).text
            answer = ""
        elif turn.text.strip() != ABSTENTION:
            answer = turn.text
    return _resolve_one(question, previous, answer)


def _resolve_one(question: str, previous: str | None, answer: str) -> Resolution:
    if previous is None or len(question) > _LONGEST_CHARS:
        return Resolution(question, "standalone")
    previous = previous[-_LONGEST_CHARS:]
    if (rest := _fragment(question, previous)) is not None:
        return Resolution(splice(previous, rest), "ellipsis")
    if not topical(question) or _REFERS_BACK.search(question) or _foreign_fragment(question, previous):
        return Resolution(join(previous, question), "continuation")
    if (pronoun := _open_pronoun(question)) is not None:
        return Resolution(_replace(question, pronoun, previous, answer), "anaphora")
    return Resolution(question, "standalone")


def _fragment(question: str, previous: str) -> str | None:
    """Give what a verbless follow-up asks about, or None for anything else."""
    opener = _OPENER.match(question)
    rest = question[opener.end() if opener else 0 :].strip(" \t\n?.!,")
    found = words(rest)
    if not found or len(found) > 8 or not topical(rest):
        return None
    verbless = not any(word in AUXILIARIES or word in QUESTION_WORDS for word in found)
    if not verbless or any(word in PERSONS | THINGS for word in found):
        return None
    if opener and (found[0] in PREPOSITIONS or found[0] in DETERMINERS or len(topical(rest)) <= 4):
        return rest
    was_question = any(word in AUXILIARIES or word in QUESTION_WORDS for word in words(previous))
    opens_bare = found[0] in PREPOSITIONS or (question.rstrip().endswith("?") and len(topical(rest)) <= 2)
    return rest if was_question and opens_bare else None


def _foreign_fragment(question: str, previous: str) -> bool:
    """Tell a few words without one English function word, asked after a question, in whatever language."""
    found = words(question)
    foreign = len(found) <= 4 and len(topical(question)) == len(found)
    return foreign and question.endswith("?") and previous.endswith("?")


def _open_pronoun(question: str) -> re.Match[str] | None:
    """Give the first pronoun whose referent is not in the question itself."""
    tokens = list(WORD.finditer(question))
    lowered = [token.group().lower().removesuffix("'s").removesuffix("’s") for token in tokens]
    for i, word in enumerate(lowered):
        following = lowered[i + 1] if i + 1 < len(lowered) else None
        if word in DEMONSTRATIVES:
            before = lowered[i - 1] if i else None
            if not (before is None or before in AUXILIARIES or before in PREPOSITIONS or following is None):
                continue  # "the policy that covers": a conjunction
        elif word not in PERSONS and word not in THINGS:
            continue
        if word in THINGS and _EXPLETIVE.search(question):
            continue
        if _names_its_own(lowered[:i], question[: tokens[i].start()]):
            return None
        return tokens[i]
    return None


def _names_its_own(before: list[str], text_before: str) -> bool:
    """Tell whether a noun phrase stands before the pronoun in the same question ("the server ... it")."""
    led = any(word in DETERMINERS and word not in POSSESSIVES for word in before[:-1])
    return bool(topical(text_before)) and (led or bool(re.search(r"\s[A-Z]\w", text_before)))


def _stands_alone(question: str, pronoun: re.Match[str]) -> bool:
    following = words(question[pronoun.end() :])
    return not following or following[0] in AUXILIARIES or following[0] in PREPOSITIONS


def _replace(question: str, pronoun: re.Match[str], previous: str, answer: str) -> str:
    word = pronoun.group().lower()
    bare = word.removesuffix("'s").removesuffix("’s")
    if bare in PERSONS:
        topic = person_in(answer) or person_in(previous) or topic_of(previous)
    elif bare in DEMONSTRATIVES and not _stands_alone(question, pronoun):
        topic = None  # "does this policy", "does that take": a noun or a verb, the rules cannot tell
    else:
        topic = topic_of(previous)
    if topic is None or topic.lower() in question.lower():
        return join(previous, question)
    tail = word[len(bare) :]
    following = question[pronoun.end() :].lstrip()
    owns = bare in POSSESSIVES and bool(WORD.match(following)) and words(following)[0] not in PREPOSITIONS | AUXILIARIES
    replacement = topic + (("'" if topic.endswith("s") else "'s") if owns else tail)
    return question[: pronoun.start()] + replacement + question[pronoun.end() :]
