"""Labelled sentences beside passages, for fitting and testing `groundedness`.

    begin   Answers of dialogue systems judged against one passage (Dziri et al. 2022, arXiv 2105.00071; CC BY 4.0). An
            answer that states nothing ("Generic") is left out.
    asqa    Sentences of answers in which people marked errors, and of the answers they wrote instead (Wu et al. 2023,
            arXiv 2306.01693; Apache-2.0). A sentence with a wrong or unverifiable span is not supported; one without
            any mark is; one that is merely irrelevant or redundant was not judged for support and is left out.
    edits   Sentences of asqa's passages with one thing changed: what a careless model writes almost word for word. A
            number, a name, a polarity or a word turned into its opposite is not supported; a parenthesis left out or a
            phrase before it changes nothing.

HaluEval's general answers have no passages, so nothing can be checked against them: they are not used.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.sentences import split_sentences
from training.evaluation.support_features import opposites
from training.words import content_stems, negated

_NOT_SUPPORTED = frozenset({"Wrong-Grounding", "Unverifiable"})
_FEWEST_WORDS = 2
_LENGTHS = range(8, 41)  # words of a sentence worth editing
_NUMBER = re.compile(r"\b\d[\d,.]*\b")
_NAME = re.compile(r"(?<=[a-z,] )(?:[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})*)\b")
_AUXILIARY = re.compile(r"\b(is|was|are|were|has|had|can|will|did|does|would)\b(?! not\b)")
_PARENTHESIS = re.compile(r" \([^()]{3,60}\)")
_LEADS = ("According to the passage, ", "The text says that ", "In short, ", "It is stated that ")


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence, what it should follow from, and whether it does."""

    source: str  # begin, asqa or edits
    group: str  # sentences of one group share passages
    passages: tuple[str, ...]
    sentence: str
    supported: bool
    kind: str = ""  # of the edit


def read_grounding(folder: Path) -> list[Judged]:
    """Read every labelled sentence.

    Args:
        folder: With `grounding_begin.jsonl` and `spans_finegrained_asqa.jsonl`.

    Returns:
        Sentences of begin, asqa and edits, in the same order every time.
    """
    asqa_rows = _rows(folder / "spans_finegrained_asqa.jsonl")
    return [
        *_begin(_rows(folder / "grounding_begin.jsonl")),
        *(judged for row in asqa_rows for judged in _asqa(row)),
        *_edits(asqa_rows),
    ]


def _begin(rows: Sequence[dict[str, Any]]) -> Iterator[Judged]:
    for row in rows:
        if row["label"] != "Generic":
            passages = (row["context"],)
            yield Judged("begin", row["context"], passages, row["answer"], row["label"] == "Fully attributable")


def _asqa(row: dict[str, Any]) -> Iterator[Judged]:
    passages = tuple(passage["text"] for passage in row["passages"])
    if not passages:
        return
    said = dict(_sentences(row["answer"]))
    for text, (start, end) in said.items():
        kinds = {e["error type"] for e in row["errors"] if min(e["end"], end) > max(e["start"], start)}
        if not kinds or kinds & _NOT_SUPPORTED:
            yield Judged("asqa", row["id"], passages, text, not kinds)
    for text, _ in _sentences(row["corrected"]):
        if text not in said:
            yield Judged("asqa", row["id"], passages, text, supported=True)


def _edits(rows: Sequence[dict[str, Any]]) -> Iterator[Judged]:
    """Edit up to one sentence of each passage in every way that it allows."""
    names = sorted({name for row in rows for p in row["passages"] for name in _NAME.findall(p["text"])})
    for row in rows:
        rng = random.Random(row["id"])  # noqa: S311 - repeatable
        passages = tuple(passage["text"] for passage in row["passages"])
        for text in passages:
            fit = [said for said, _ in _sentences(text) if len(said.split()) in _LENGTHS and "\n" not in said]
            if fit:
                sentence = rng.choice(fit)
                for kind, edited in _edited(sentence, rng, names, " ".join(passages)):
                    yield Judged("edits", row["id"], passages, edited, kind in ("shortened", "introduced"), kind)


def _edited(sentence: str, rng: random.Random, names: Sequence[str], known: str) -> Iterator[tuple[str, str]]:
    """Give (kind, edited sentence)."""
    if found := list(_NUMBER.finditer(sentence)):
        place = rng.choice(found)
        if number := _other_number(place.group(), known, rng):
            yield "number", _replaced(sentence, place, number)
    if found := list(_NAME.finditer(sentence)):
        place = rng.choice(found)
        new = next((name for name in rng.sample(names, 20) if name not in known), None)
        if new:
            yield "name", _replaced(sentence, place, new)
    if (helper := _AUXILIARY.search(sentence)) and not negated(sentence):
        yield "polarity", _replaced(sentence, helper, f"{helper.group()} not")
    for word in re.finditer(r"\b[a-z]+\b", sentence):
        if others := opposites().get(word.group()):
            yield "opposite", _replaced(sentence, word, rng.choice(sorted(others)))
            break
    if aside := _PARENTHESIS.search(sentence):
        yield "shortened", _replaced(sentence, aside, "")
    yield "introduced", rng.choice(_LEADS) + sentence


def _replaced(sentence: str, place: re.Match[str], new: str) -> str:
    return sentence[: place.start()] + new + sentence[place.end() :]


def _other_number(number: str, known: str, rng: random.Random) -> str | None:
    """Change one of the last two digits, so that a year stays near; None where every such number is known."""
    digits = [place for place, character in enumerate(number) if character.isdigit()][-2:]
    others = [number[:place] + new + number[place + 1 :] for place in digits for new in "123456789"]
    fresh = [other for other in others if other != number and other not in known]
    return rng.choice(fresh) if fresh else None


def _sentences(text: str) -> list[tuple[str, tuple[int, int]]]:
    spans = split_sentences(text)
    return [(text[s:e], (s, e)) for s, e in spans if len(content_stems(text[s:e])) >= _FEWEST_WORDS]


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
