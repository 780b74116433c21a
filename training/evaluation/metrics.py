"""Reference metrics: what an answer, a ranking or an abstention is worth beside what was expected. Pure functions.

Every figure lies in [0, 1]; each function names its source. Knows nothing about policies and files.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = frozenset(string.punctuation)
_BLANKS = re.compile(r"\s+")
_LETTER = r"[^\W\u0e00-\u0e7f\u3040-\u30ff\u3400-\U0010ffff]"  # of scripts that set words apart by blanks


def normalise_answer(text: str) -> str:
    """Put case, ASCII punctuation, English articles and blanks aside, as the official SQuAD 1.1 scorer does.

    Args:
        text: Any text.

    Returns:
        Its words, one blank between them (Rajpurkar et al. 2016, arXiv 1606.05250, `evaluate-v1.1.py`).
    """
    plain = "".join(character for character in text.lower() if character not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def exact_match(answer: str, expected: Sequence[str]) -> float:
    """Tell whether the normalised answer is one of the expected ones (SQuAD's EM); 0 where none is expected."""
    return float(any(normalise_answer(answer) == normalise_answer(one) for one in expected))


def token_f1(answer: str, expected: Sequence[str]) -> float:
    """Give the best F1 of the normalised words (SQuAD's F1), 0 where nothing is shared or expected."""
    return max((_f1(normalise_answer(answer).split(), normalise_answer(one).split()) for one in expected), default=0.0)


def contains(answer: str, span: str) -> bool:
    """Tell whether an answer holds a span, at the bounds of words; case, blanks and typographic quotes aside.

    Unlike SQuAD's rules this keeps punctuation inside the span ("3.5" is not "35"). A full stop at the end of the span
    does not count.

    Args:
        answer: The answer.
        span: What it should hold; an empty one is held by nothing.

    Returns:
        Whether it does (the "answer containment" of open-domain question answering, e.g. Mallen et al. 2022,
        arXiv 2212.10511).
    """
    wanted = _plain(span).strip(" .")
    if not wanted:
        return False
    before = f"(?<!{_LETTER})" if re.match(_LETTER, wanted[0]) else ""
    after = rf"(?!{_LETTER})(?![.,]\d)" if re.match(_LETTER, wanted[-1]) else ""
    return re.search(f"{before}{re.escape(wanted)}{after}", _plain(answer)) is not None


def containment(answer: str, parts: Sequence[Sequence[str]]) -> float:
    """Give the share of the expected parts that an answer holds.

    Args:
        answer: The answer.
        parts: What it should say; each part is a list of spans of which one suffices.

    Returns:
        In [0, 1]; NaN where nothing is expected.
    """
    if not parts:
        return math.nan
    return sum(any(contains(answer, span) for span in spans) for spans in parts) / len(parts)


def recall_at(ranked: Sequence[Hashable], relevant: Collection[Hashable], k: int) -> float:
    """Give the share of the relevant items among the first k, each counted once; NaN where none is relevant."""
    wanted = set(relevant)
    return len(wanted & set(ranked[:k])) / len(wanted) if wanted else math.nan


def reciprocal_rank(ranked: Sequence[Hashable], relevant: Collection[Hashable]) -> float:
    """Give 1 / rank of the first relevant item (its mean is MRR; Voorhees 1999), 0 where none is found; NaN where none
    is relevant.
    """
    wanted = set(relevant)
    if not wanted:
        return math.nan
    return next((1 / rank for rank, item in enumerate(ranked, 1) if item in wanted), 0.0)


def ndcg_at(ranked: Sequence[Hashable], relevant: Collection[Hashable], k: int) -> float:
    """Give the discounted gain of the first k over the best one possible, items being relevant or not.

    Args:
        ranked: Items, best first; one that comes again counts the first time only.
        relevant: Those that are right.
        k: How many are looked at.

    Returns:
        In [0, 1] (Järvelin and Kekäläinen 2002, gain 1 and discount log2(1 + rank)); NaN where none is relevant.
    """
    wanted = set(relevant)
    if not wanted:
        return math.nan
    firsts = set[Hashable]()
    gain = 0.0
    for rank, item in enumerate(ranked[:k], 1):
        if item in wanted and item not in firsts:
            firsts.add(item)
            gain += 1 / math.log2(1 + rank)
    return gain / sum(1 / math.log2(1 + rank) for rank in range(1, min(len(wanted), k) + 1))


@dataclass(frozen=True, slots=True)
class AbstentionScores:
    """How well silence fits: NaN where a figure has nothing to be computed from."""

    precision: float  # share of the abstentions on which the documents held no answer
    recall: float  # share of the unanswerable questions on which it abstained
    f1: float


def abstention(abstained: Sequence[bool], unanswerable: Sequence[bool]) -> AbstentionScores:
    """Score abstentions as a detector of unanswerable questions (SQuAD 2.0's no-answer case; Rajpurkar et al. 2018,
    arXiv 1806.03822).

    Args:
        abstained: Whether each answer abstained.
        unanswerable: Whether the documents hold no answer to each question.

    Returns:
        Precision, recall and F1. F1 is 0 where both exist and no abstention was right.

    Raises:
        ValueError: If lengths differ.
    """
    right = sum(silent and absent for silent, absent in zip(abstained, unanswerable, strict=True))
    precision = right / sum(abstained) if any(abstained) else math.nan
    recall = right / sum(unanswerable) if any(unanswerable) else math.nan
    if math.isnan(recall) or (math.isnan(precision) and not any(unanswerable)):
        return AbstentionScores(precision, recall, math.nan)
    return AbstentionScores(precision, recall, 2 * right / (sum(abstained) + sum(unanswerable)))


def _f1(said: Sequence[str], wanted: Sequence[str]) -> float:
    shared = (Counter(said) & Counter(wanted)).total()
    return 2 * shared / (len(said) + len(wanted)) if shared else 0.0


def _plain(text: str) -> str:
    text = text.translate(_TYPOGRAPHY).casefold()
    return _BLANKS.sub(" ", text).strip()


_TYPOGRAPHY = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-", "\u00a0": " "}
)
