"""Write chosen sentences down as an answer: the documents' own words, each followed by the number of its passage."""

from __future__ import annotations

import re
from collections.abc import Sequence

from training.citations.markers import strip_markers
from training.policy.base import Prompt
from training.policy.extractive.candidates import Candidate

_LINK = re.compile(r"!?\[([^\]\n]+)\]\([^)\s]+\)")
_EMPHASIS = re.compile(r"\*\*|__|`|(?<!\w)[*_](?=\w)|(?<=[\w.!?])[*_](?!\w)")
_BULLET = re.compile(r"^(?:[-*\u2022\u25aa\u2023>#|]+|\(?\d{1,2}[.)])\s+")
_ENDED = re.compile(r"[.!?:;\u3002\uff01\uff1f\u2026][\"'\u2019\u201d)\]]*$")


def in_order(chosen: Sequence[Candidate]) -> list[Candidate]:
    """Order sentences for reading: the first choice leads, the others follow by passage and in the order of their
    source.
    """
    lead, *rest = chosen
    ranks: dict[int, int] = {}
    for candidate in chosen:
        ranks.setdefault(candidate.passage, len(ranks))
    return [lead, *sorted(rest, key=lambda candidate: (ranks[candidate.passage], candidate.sentence.index))]


def written(prompt: Prompt, candidate: Candidate) -> str:
    """Write one sentence with its marker: blanks single, bullets, Markdown and the source's own reference numbers out,
    a full stop at the end.
    """
    text = _LINK.sub(r"\1", candidate.sentence.text)
    text = " ".join(strip_markers(text).split())
    text = _EMPHASIS.sub("", _BULLET.sub("", text)).strip("| ")
    if not _ENDED.search(text):
        text = f"{text}."
    return f"{text} [{prompt.passages[candidate.passage].number}]"
