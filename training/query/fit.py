"""From marks on shown passages to a query adapter.

A mark says whether a shown passage belongs to its question. Its push is the gradient, with respect to the question's
vector, of the mark's log-likelihood under

    p = e + (1 - 2e) softmax_c(q . c / t)        over the passages c that were shown

so a mark that agrees with the ranking moves little, a surprising one much, and none without bound: people mark wrongly
with probability e (label noise as in Natarajan et al. 2013, "Learning with Noisy Labels").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from retrieval.embed import Embedder
from retrieval.embed.adapter import QueryAdapter
from retrieval.types import embedding_text
from training.policy.base import ShownPassage

if TYPE_CHECKING:
    from training.datasets.evidence import EvidenceMark

Array = npt.NDArray[np.float32]
_LOWEST = 1e-6


@dataclass(frozen=True, slots=True)
class QueryConfig:
    """How much marks may move."""

    noise: float = 0.2  # e: chance that a mark is wrong
    temperature: float = 0.05  # t: cosines of MiniLM that differ by this much differ by a factor of e in odds
    strength: float = 0.5
    width: float = 0.1
    shrink: float = 0.1
    bound: float = 0.3
    most_marks: int = 5000  # the newest; 15 MB at 384 dimensions


@dataclass(frozen=True)
class Marked:
    """A mark with its vectors."""

    question: Array  # (d,)
    shown: Array  # (k, d) the passages shown
    place: int  # of the marked one
    relevant: bool
    weight: float
    voter: str


def with_vectors(marks: Sequence[EvidenceMark], encoder: Embedder) -> list[Marked]:
    """Encode questions and passages, each text once.

    Args:
        marks: Marks; one on a passage that was not shown is left out.
        encoder: The encoder of the index.

    Returns:
        The marks with their vectors, in the same order.
    """
    usable = [(mark, [p.chunk_id for p in mark.prompt.passages]) for mark in marks]
    usable = [(mark, shown) for mark, shown in usable if mark.chunk_id in shown]
    questions = sorted({mark.prompt.query for mark, _ in usable})
    passages = sorted({_written(p) for mark, _ in usable for p in mark.prompt.passages})
    asked = dict(zip(questions, encoder.encode(questions, kind="query"), strict=True)) if questions else {}
    told = dict(zip(passages, encoder.encode(passages), strict=True)) if passages else {}
    return [
        Marked(
            question=asked[mark.prompt.query],
            shown=np.stack([told[_written(p)] for p in mark.prompt.passages]),
            place=shown.index(mark.chunk_id),
            relevant=mark.relevant,
            weight=mark.weight,
            voter=mark.voter,
        )
        for mark, shown in usable
    ]


def fit(marks: Sequence[Marked], model_name: str, config: QueryConfig | None = None) -> QueryAdapter:
    """Learn from marks; there is nothing to iterate.

    Args:
        marks: Oldest first.
        model_name: Name of the encoder that gave the vectors.
        config: How much they may move.

    Returns:
        The adapter; with no marks one that moves nothing.

    Raises:
        ValueError: There is no mark to tell the dimension from.
    """
    config = config or QueryConfig()
    kept = marks[-config.most_marks :]
    if not kept:
        raise ValueError("there are no marks to learn from")
    return QueryAdapter(
        model_name=model_name,
        keys=np.stack([mark.question for mark in kept]).astype(np.float32),
        pushes=np.stack([mark.weight * _push(mark, config) for mark in kept]).astype(np.float32),
        strength=config.strength,
        width=config.width,
        shrink=config.shrink,
        bound=config.bound,
    )


def _push(mark: Marked, config: QueryConfig) -> Array:
    """Give the gradient of the log-likelihood times the temperature, `(d,)`."""
    scores = mark.shown @ mark.question / config.temperature  # (k,)
    chances = np.exp(scores - scores.max())
    chances /= chances.sum()
    chance = float(np.clip(chances[mark.place], _LOWEST, 1 - _LOWEST))
    keep = 1 - 2 * config.noise
    likely = config.noise + keep * chance
    slope = keep * chance / likely if mark.relevant else -keep * chance / (1 - likely)
    pull = -chances  # d log softmax_place / d scores = onehot - softmax
    pull[mark.place] += 1.0
    push: Array = slope * (pull @ mark.shown)
    return push


def _written(passage: ShownPassage) -> str:
    return embedding_text(passage.title, passage.heading_path, passage.text)
