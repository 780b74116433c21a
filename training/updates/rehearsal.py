"""Rehearse silence: the same question with the documents that answered it taken away, where abstaining is right.

Votes cannot teach this. Hardly anybody votes on a question whose answer is not there, and whoever learns from votes
alone learns to always answer. Nothing is asked of anybody: the passages of the whole window are searched again without
the documents that an approved answer cited first (unanswerable questions after Rajpurkar et al. 2018, arXiv 1806.03822;
rehearsal after Gao et al. 2023, arXiv 2305.12473).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from retrieval.embed import Embedder
from training.citations.markers import take_apart
from training.datasets.examples import Example, Target, decided_pairs
from training.policy.base import ABSTENTION, Answer, Prompt, Sampling, ShownPassage
from training.policy.extractive.pointer import STOP
from training.policy.extractive.recall import Recall

MOST_PASSAGES = 4000  # of one set of collections; encoding more takes minutes on a small machine
_FEWEST_PASSAGES = 16  # with fewer, what is left is too far from any question to learn from


@dataclass(frozen=True, slots=True)
class _Approved:
    """A question with an answer that somebody approved of."""

    example: Example
    documents: frozenset[str]  # cited first


def silence(version: str = "rehearsal") -> Answer:
    """Give the answer that abstains."""
    return Answer(
        text=ABSTENTION,
        version=version,
        finish_reason="stop",
        sampling=Sampling(),
        logprob=None,
        steps=1,
        abstained=True,
        actions=(STOP,),
    )


def rehearse(examples: Sequence[Example], encoder: Embedder, *, shown: int = 8, seed: int = 0) -> tuple[Example, ...]:
    """Make prompts whose passages do not hold the answer.

    Args:
        examples: Judged prompts; those with an approved answer are rehearsed, the passages of all are searched.
        encoder: The one that retrieval used.
        shown: Passages of a prompt.
        seed: Of the passages left out where there are too many.

    Returns:
        One example for each approved question, whose only target is to abstain; none where there are too few passages.
    """
    by_collections: dict[tuple[str, ...], list[Example]] = {}
    for example in examples:
        by_collections.setdefault(tuple(sorted(example.prompt.collections)), []).append(example)
    made: list[Example] = []
    for together in by_collections.values():
        made += _rehearse(together, encoder, shown, seed)
    return tuple(made)


def _rehearse(examples: Sequence[Example], encoder: Embedder, shown: int, seed: int) -> Iterator[Example]:
    known = {passage.chunk_id: passage for example in examples for passage in example.prompt.passages}
    passages = sorted(known.values(), key=lambda passage: passage.chunk_id)
    if len(passages) > MOST_PASSAGES:
        kept = np.random.default_rng(seed).choice(len(passages), MOST_PASSAGES, replace=False)
        passages = [passages[place] for place in sorted(kept.tolist())]
    asked = list(_approved(examples))
    if len(passages) < _FEWEST_PASSAGES or not asked:
        return
    rows: dict[str, set[int]] = {}
    for row, passage in enumerate(passages):
        rows.setdefault(passage.document_id, set()).add(row)
    recall = Recall(encoder, [p.text for p in passages], [p.title for p in passages])
    hidden = [{row for document in one.documents for row in rows.get(document, ())} for one in asked]
    found = recall.prompts([one.example.prompt.query for one in asked], shown, hidden)
    for one, (prompt, places), gone in zip(asked, found, hidden, strict=True):
        left = [(place, scored) for place, scored in zip(places, prompt.passages, strict=True) if place not in gone]
        if left:
            again = _prompt(one.example.prompt, [(passages[place], scored) for place, scored in left])
            yield Example(f"rehearsal-{one.example.prompt_id}", again, (silence(),), targets=(_TARGET,))


_TARGET = Target(answer=0, weight=1.0, origin="rehearsal")


def _approved(examples: Sequence[Example]) -> Iterator[_Approved]:
    """Give every question with an answer that was voted up, preferred or corrected to, and cites something."""
    for example in examples:
        liked = [thumb.answer for thumb in example.thumbs if thumb.up]
        liked += [chosen for chosen, _, _ in decided_pairs(example)]
        liked += [target.answer for target in example.targets if target.origin == "correction"]
        documents = {document for place in liked if (document := _first_cited(example, example.answers[place]))}
        if documents:
            yield _Approved(example, frozenset(documents))


def _first_cited(example: Example, answer: Answer) -> str | None:
    by_number = {passage.number: passage.document_id for passage in example.prompt.passages}
    markers = take_apart(answer.text, by_number.keys()).markers
    return by_number[markers[0].number] if markers else None


def _prompt(asked: Prompt, found: Sequence[tuple[ShownPassage, ShownPassage]]) -> Prompt:
    """Show passages as they were, with the scores of the new search."""
    passages = tuple(
        replace(
            passage,
            number=number,
            score=scored.score,
            dense_score=scored.dense_score,
            lexical_score=scored.lexical_score,
        )
        for number, (passage, scored) in enumerate(found, 1)
    )
    return replace(asked, passages=passages)
