"""Fit the shipped prior: `python -m training.policy.extractive.fit --data DIR [--out FILE]`.

Trained on data whose licences allow shipping what comes of it, named in the file with what it reached; XQuAD, the
yardstick, is not among them. Four small convex problems, solved exactly: which sentences to encode, which to choose,
which to choose next, and when to stop. Takes minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log
from pathlib import Path

import numpy as np
import numpy.typing as npt

from retrieval.embed import Embedder, load_embedder
from training.policy.base import Prompt
from training.policy.extractive.candidates import SentenceBook
from training.policy.extractive.embeddings import Vectors
from training.policy.extractive.features import (
    BEGIN_FEATURES,
    CANDIDATE_FEATURES,
    HALT_FEATURES,
    POINTER_FEATURES,
    STEP_FEATURES,
)
from training.policy.extractive.pointer import MOST_OFFERED, Reading, read, step
from training.policy.extractive.questions import Labelled, QuestionSet, asqa, beir, covidqa
from training.policy.extractive.recall import Recall
from training.policy.extractive.solve import Group, choose_weights, decide_weights
from training.policy.extractive.weights import Prior

Array = npt.NDArray[np.float32]
SHOWN = 8  # passages, as the service shows by default
OFFERED = 16  # sentences encoded while fitting how to choose; the policy offers fewer
WRONG_SILENCE = 2.0  # abstaining from a question that the passages answer costs as much as two made-up answers
MISSED = 16.0  # stopping before the answer was said costs as much as 16 needless sentences; answers have one to two
MOST_QUESTIONS = 1200  # of one set
ABSENCES = ("", "passage", "article")  # what is taken away before retrieving


@dataclass(frozen=True)
class Asked:
    """A labelled question with what was retrieved for it."""

    question: Labelled
    prompt: Prompt
    rows: tuple[int, ...]  # of the passages shown
    weight: float
    absent: str


@dataclass(frozen=True)
class Case:
    """A prompt as read, with what is right."""

    reading: Reading
    gold: npt.NDArray[np.bool_]  # (n,) offered sentences that answer
    answerable: bool  # whether a passage that holds the answer is shown
    weight: float


def fit(sets: Sequence[QuestionSet], encoder: Embedder) -> Prior:
    """Fit a prior on labelled questions; each set weighs the same."""
    book, vectors, words = SentenceBook(), Vectors(encoder, capacity=200_000), Vectors(_Blind(encoder))
    shown: dict[str, list[Asked]] = {absent: [] for absent in ABSENCES}
    for made in sets:
        recall = Recall(encoder, made.passages, made.titles)
        for absent in ABSENCES:
            shown[absent] += _ask(made, recall, absent)
    blank = Prior(
        *(np.zeros(len(names), np.float32) for names in (CANDIDATE_FEATURES, POINTER_FEATURES, HALT_FEATURES))
    )

    def cases(prior: Prior, offered: int, absent: str = "", seen: Vectors = vectors) -> list[Case]:
        found = ((asked, read(asked.prompt, book, seen, prior, offered)) for asked in shown[absent])
        return [_case(asked, reading) for asked, reading in found if reading is not None]

    everything = cases(blank, 10_000, seen=words)
    blind = choose_weights([Group(case.reading.features, case.gold, case.weight) for case in everything])
    blind[0] = 0.0
    prior = replace(blank, screen=blind)
    known = cases(prior, OFFERED)
    sentences = choose_weights([Group(case.reading.features, case.gold, case.weight) for case in known])
    prior = replace(prior, pointer=np.concatenate([sentences, np.zeros(len(STEP_FEATURES), np.float32)]))
    known = cases(prior, OFFERED)
    prior = replace(prior, pointer=np.concatenate([sentences, _next_weights(known, sentences)]))
    known = cases(prior, MOST_OFFERED)
    unanswerable = [*cases(prior, MOST_OFFERED, "passage"), *cases(prior, MOST_OFFERED, "article")]
    return replace(prior, halt=np.concatenate([_begin_weights(known, unanswerable), _stop_weights(known, prior)]))


def _ask(made: QuestionSet, recall: Recall, absent: str) -> list[Asked]:
    """Retrieve for the questions of a set, with what holds the answer, or its whole article, taken away."""
    questions = made.questions
    if len(questions) > MOST_QUESTIONS:
        drawn = np.random.default_rng(0).choice(len(questions), MOST_QUESTIONS, replace=False)
        questions = [questions[place] for place in sorted(drawn.tolist())]
    hidden = None
    if absent:
        hidden = [made.rows_of(q.group) | q.rows if absent == "article" else q.rows for q in questions]
    found = recall.prompts([question.text for question in questions], SHOWN, hidden)
    weight = 1.0 / len(questions)
    return [Asked(q, prompt, tuple(rows), weight, absent) for q, (prompt, rows) in zip(questions, found, strict=True)]


def _case(asked: Asked, reading: Reading) -> Case:
    gold = [is_gold(asked.question, c.sentence.text, asked.rows[c.passage]) for c in reading.candidates]
    answerable = not asked.absent and not asked.question.rows.isdisjoint(asked.rows)
    return Case(reading, np.array(gold), answerable, asked.weight)


def is_gold(question: Labelled, sentence: str, row: int) -> bool:
    """Tell whether a sentence answers: it holds the span, is part of a long span, or stands in a gold passage where
    that is all we know.
    """
    if question.sentences:
        return sentence in question.sentences
    if not question.answer:
        return row in question.rows
    answer, said = (" ".join(text.split()).strip(" .") for text in (question.answer, sentence))
    return answer in said or (row in question.rows and len(said) > 40 and said in answer)


def _next_weights(known: Sequence[Case], sentences: Array) -> Array:
    """Fit what a sentence gains after a first choice that did not answer."""
    groups = []
    for case in known:
        first = int(case.reading.first.argmax())
        if not case.gold[first]:
            rows = step(case.reading, [first], 3).pointer
            left = np.arange(len(rows)) != first
            offset = rows[left, : len(sentences)] @ sentences
            groups.append(Group(rows[left, len(sentences) :], case.gold[left], case.weight, offset))
    return choose_weights(groups)


def _begin_weights(known: Sequence[Case], absent: Sequence[Case]) -> Array:
    """Fit the log-odds that the passages do not hold the answer, then ask for more certainty before keeping silent."""
    present = [case for case in known if case.answerable]
    rows = np.array([[1.0, *case.reading.begin] for case in (*present, *absent)], np.float32)
    labels = np.array([0.0] * len(present) + [1.0] * len(absent), np.float32)
    total = sum(case.weight for case in present), sum(case.weight for case in absent)
    weights = [case.weight / total[0] for case in present] + [case.weight / total[1] for case in absent]
    fitted = decide_weights(rows, labels, np.array(weights, np.float32))
    fitted[0] -= log(WRONG_SILENCE)
    return fitted


def _stop_weights(known: Sequence[Case], prior: Prior) -> Array:
    """Fit the log-odds that what was said answers, then ask for more certainty before stopping."""
    rows, labels, weights = [], [], []
    start = 1 + len(BEGIN_FEATURES)
    for case in known:
        chosen: list[int] = []
        while case.gold.any() and len(chosen) < 2 and len(chosen) < len(case.gold):
            decision = step(case.reading, chosen, 3)
            scores = np.where(decision.open, decision.pointer @ prior.pointer, -np.inf)
            chosen.append(int(scores.argmax()))
            rows.append(step(case.reading, chosen, 3).halt[start:])
            labels.append(case.gold[chosen].any())
            weights.append(case.weight)
    fitted = decide_weights(np.array(rows), np.array(labels, np.float32), np.array(weights, np.float32))
    fitted[:2] -= log(MISSED)  # the two features of which exactly one is 1
    return fitted


class _Blind:
    """Stands in for the encoder where only words count."""

    def __init__(self, encoder: Embedder) -> None:
        self.model_name, self.dimension = encoder.model_name, 1

    def encode(self, texts: Sequence[str], **_: object) -> Array:
        """Give zeros."""
        return np.zeros((len(texts), 1), np.float32)


def _named(names: Sequence[str], values: Array) -> dict[str, float]:
    return {name: round(value, 3) for name, value in zip(names, values.tolist(), strict=True)}


def main() -> None:
    """Fit and write the prior."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with qa/, retrieval/ and grounding/")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("prior.json"))
    options = parser.parse_args()
    data: Path = options.data
    sets = [
        covidqa(data / "qa/covidqa.json"),
        asqa(data / "grounding/spans_finegrained_asqa.jsonl"),
        beir(data / "retrieval/multihop_hotpotqa"),
        beir(data / "retrieval/feedbackqa_cdc"),
    ]
    encoder = load_embedder("all-MiniLM-L6-v2")
    prior = fit(sets, encoder)
    named = {
        "screen": _named(CANDIDATE_FEATURES, prior.screen),
        "pointer": _named(POINTER_FEATURES, prior.pointer),
        "halt": _named(HALT_FEATURES, prior.halt),
    }
    provenance = {
        "recipe": "python -m training.policy.extractive.fit --data DIR",
        "encoder": encoder.model_name,
        "data": [{"name": made.name, "questions": min(len(made.questions), MOST_QUESTIONS)} for made in sets],
        "licences": {
            "covidqa": "Apache-2.0",
            "finegrained_asqa": "Apache-2.0",
            "multihop_hotpotqa": "CC BY-SA 4.0",
            "feedbackqa_cdc": "Apache-2.0",
        },
        "costs": {"wrong_silence": WRONG_SILENCE, "missed": MISSED},
    }
    options.out.write_text(json.dumps({"format": 1, **named, "provenance": provenance}, indent=2) + "\n")


if __name__ == "__main__":
    main()
