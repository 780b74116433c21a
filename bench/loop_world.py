"""The loop on questions with known answers: voters judge what is served, a candidate is trained, the gate decides.

XQuAD and the half of COVID-QA on which nothing shipped was fitted, each a collection with one document an article.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from bench.report import DATA
from bench.voters import Asked, Population, Voters, right
from retrieval.embed import Embedder
from training.datasets.build import build_examples
from training.datasets.config import DatasetConfig
from training.gate.decide import decide
from training.gate.inputs import JudgeQuality
from training.pipeline.collecting import collect
from training.pipeline.judges import FoldedJudge
from training.pipeline.making import JUDGE_HEADS
from training.pipeline.parts import divide, folds
from training.pipeline.workspace import JUDGES
from training.policy.base import Answer, Prompt, Sampling
from training.policy.extractive import ExtractivePolicy, Prior
from training.policy.extractive.pointer import Reading
from training.policy.extractive.questions import QuestionSet, covidqa, squad
from training.policy.extractive.recall import Recall
from training.records.types import Record
from training.reward.config import RewardConfig
from training.reward.errors import NotEnoughToLearn
from training.reward.report import report_reward
from training.reward.train import train_reward
from training.updates.extractive import ExtractiveTrainable
from training.updates.point import train_pointer
from training.updates.rehearsal import rehearse

ROUNDS = (100, 300, 1000)
SHOWN = 8
ASKED_SHARE = 0.6  # of the articles
Flags = npt.NDArray[np.float64]


class Reader(ExtractivePolicy):
    """The policy, remembering how it read each prompt: what a residual changes comes after reading."""

    known: dict[tuple[Prompt, bool, tuple[int, ...]], Reading | None] = {}

    def read(self, prompt: Prompt, include: Sequence[int] = ()) -> Reading | None:
        """Describe a prompt, once."""
        key = prompt, self._prior is Prior.shipped(), tuple(include)
        if key not in self.known:
            self.known[key] = super().read(prompt, include)
        return self.known[key]


@dataclass(frozen=True)
class Question:
    """One question with and without the article that answers it."""

    present: Asked
    absent: Asked


@dataclass(frozen=True)
class Measured:
    """What a policy did on held-out questions."""

    first: Flags  # (n,) the first sentence holds the gold answer
    silent: Flags  # (n,)
    silent_absent: Flags  # (n,) the same without the article

    @property
    def f1(self) -> float:
        """Of abstaining, half of the questions being unanswerable."""
        hits = float(self.silent_absent.sum())
        return 2 * hits / (hits + float(self.silent.sum()) + len(self.silent_absent))


@dataclass(frozen=True)
class Round:
    """One round of one seed."""

    judgements: int
    served: Measured  # by what answers after the round
    candidate: Measured
    promoted: bool
    refused: str  # what stood in the way


def questions_of(encoder: Embedder) -> list[Question]:
    """Search for every question, with and without its article."""
    made: list[Question] = []
    for questions in (squad(DATA / "qa" / "xquad.en.json"), covidqa(DATA / "qa" / "covidqa.json", held_out=True)):
        recall = Recall(encoder, questions.passages)
        texts = [question.text for question in questions.questions]
        hidden = [questions.rows_of(q.group) | q.rows for q in questions.questions]
        present, absent = recall.prompts(texts, SHOWN), recall.prompts(texts, SHOWN, hidden)
        for place, question in enumerate(questions.questions):
            both = [
                Asked(question, _named(prompt, rows, questions), tuple(rows), f"{questions.name}: {question.group}")
                for prompt, rows in (present[place], absent[place])
            ]
            made.append(Question(*both))
    return made


def _named(prompt: Prompt, rows: Sequence[int], questions: QuestionSet) -> Prompt:
    """Give passages the ids of their article and their collection."""
    passages = tuple(
        replace(p, chunk_id=f"{questions.name}-{row}", document_id=f"{questions.name}-{questions.groups[row]}")
        for p, row in zip(prompt.passages, rows, strict=True)
    )
    return replace(prompt, passages=passages, collections=(questions.name,))


def measure(policy: ExtractivePolicy, held_out: Sequence[Question]) -> Measured:
    """Ask every held-out question, with and without the article that answers it."""
    present = [_greedy(policy, question.present.prompt) for question in held_out]
    absent = [_greedy(policy, question.absent.prompt) for question in held_out]
    first = [right(policy, question.present, answer)[0] for question, answer in zip(held_out, present, strict=True)]
    return Measured(
        np.array(first, float),
        np.array([answer.abstained for answer in present], float),
        np.array([answer.abstained for answer in absent], float),
    )


def _greedy(policy: ExtractivePolicy, prompt: Prompt) -> Answer:
    ((answer,),) = policy.sample([prompt], 1, Sampling())
    return answer


def deal(questions: Sequence[Question], seed: int) -> tuple[list[Question], list[Question]]:
    """Deal articles out: those that voters ask about, in the order of asking, and those that are measured on."""
    rng = random.Random(f"articles {seed}")
    asked: set[str] = set()
    groups = sorted({question.present.group for question in questions})
    for name in sorted({group.split(":")[0] for group in groups}):
        own = [group for group in groups if group.startswith(f"{name}:")]
        asked.update(rng.sample(own, round(ASKED_SHARE * len(own))))
    first = [question for question in questions if question.present.group in asked]
    rng.shuffle(first)
    return first, [question for question in questions if question.present.group not in asked]


def learn(records: Sequence[Record], encoder: Embedder, name: str, *, gated: bool) -> ExtractivePolicy:
    """Train a candidate from the base: on the whole window, or on the part that a gate leaves for it."""
    examples = build_examples(records, DatasetConfig(), now=max(record.judged_at for record in records)).examples
    policy = Reader(encoder, version=name)
    with TemporaryDirectory() as run_dir:
        train_pointer(
            ExtractiveTrainable(policy),
            divide(examples).train if gated else examples,
            encoder,
            run_dir=Path(run_dir),
        )
    return policy


def judged(
    candidate: ExtractivePolicy, champion: ExtractivePolicy, records: Sequence[Record], encoder: Embedder
) -> str:
    """Ask the gate; give what stands in the way, nothing when it passes."""
    parts = divide(build_examples(records, DatasetConfig(), now=max(record.judged_at for record in records)).examples)
    turns = folds(parts, JUDGES)
    try:
        config = RewardConfig(heads=JUDGE_HEADS)
        judge = FoldedJudge.of([train_reward(turn.learned, config, encoder=encoder) for turn in turns], turns)
    except NotEnoughToLearn:
        return "too few judgements for a judge"
    told = report_reward(judge, parts.quality)
    measured = [one.accuracy for one in (told.pairs, told.votes) if one is not None]
    quality = JudgeQuality(judge.version, max(measured, key=lambda one: one.n)) if measured else None
    absent = [example.prompt for example in rehearse(parts.asked, encoder)]
    verdict = decide(collect(candidate, champion, parts.asked, absent=absent, judge=judge, quality=quality))
    return "" if verdict.passed else ", ".join(check.name for check in verdict.checks if not check.passed)


def loop(
    questions: Sequence[Question], encoder: Embedder, population: Population, seed: int, *, gated: bool
) -> tuple[list[Question], list[Round]]:
    """Run the rounds of one seed.

    Args:
        questions: All of them.
        encoder: The one that retrieval used.
        population: Who votes.
        seed: Deals out the articles and moves the voters.
        gated: Whether a candidate must pass the gate to serve; else each one serves.

    Returns:
        The held-out questions, and what came of each round; the first is the start.
    """
    asked, held_out = deal(questions, seed)
    voters = Voters(population, seed)
    champion: ExtractivePolicy = Reader(encoder)
    served = measure(champion, held_out)
    records: list[Record] = []
    rounds = [Round(0, served, served, False, "the start")]
    for target in ROUNDS:
        while len(records) < target:
            records.append(voters.judge(champion, asked[len(records) % len(asked)].present))
        candidate = learn(records, encoder, f"candidate-{target}", gated=gated)
        found = measure(candidate, held_out)
        refused = judged(candidate, champion, records, encoder) if gated else ""
        if not refused:
            champion, served = candidate, found
        rounds.append(Round(target, served, found, not refused, refused))
    return held_out, rounds
