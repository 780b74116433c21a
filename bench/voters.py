"""Simulated voters, and what they judge: questions with known answers, asked of a policy that really answers them.

A voter reads the first sentence. An answer that opens with the gold answer is right, one that says it later is half
right, one that keeps silent is right only where the passages do not hold it. A thumb goes up for what is right; of two
answers the better one is preferred, equals are a tie or both bad. Then people err: a share of judgements is flipped, a
few voters are always wrong, and hostile ones are wrong on purpose. Everything is drawn from a seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from training.policy.base import Answer, Prompt, Sampling
from training.policy.extractive import ExtractivePolicy
from training.policy.extractive.questions import Labelled
from training.records.types import JudgedAnswer, Outcome, Rating, Record

_DAY_S = 86_400.0
START = 1_700_000_000.0  # seconds since the epoch; the first judgement


@dataclass(frozen=True, slots=True)
class Population:
    """Who votes, and how well."""

    voters: int = 250
    flipped: float = 0.2  # of all judgements
    wrong: float = 0.05  # of voters: whatever they judge, the opposite is true
    hostile: float = 0.0  # of voters: the same on purpose
    preferences: float = 0.5  # of judgements: one answer over another; the others are thumbs
    days: float = 30.0  # over which 1,000 judgements are spread


@dataclass(frozen=True)
class Asked:
    """A question with the passages that were found for it."""

    question: Labelled
    prompt: Prompt
    rows: tuple[int, ...]  # of the passages shown
    group: str  # the article, among all sets

    @property
    def answerable(self) -> bool:
        """Whether a passage that holds the answer is shown."""
        return not self.question.rows.isdisjoint(self.rows)

    def holds(self, row: int, sentence: str) -> bool:
        """Tell whether a sentence of the passage at a row answers: it holds the gold answer, or is part of a long
        one.
        """
        gold, said = _plain(self.question.answer), _plain(sentence)
        return gold in said or (row in self.question.rows and len(said) > 40 and said in gold)


def right(policy: ExtractivePolicy, asked: Asked, answer: Answer) -> tuple[bool, bool]:
    """Tell whether the first sentence of an answer holds the gold answer, and whether any does."""
    sentences = policy.candidates(asked.prompt)
    held = [
        asked.holds(asked.rows[sentences[index].passage], sentences[index].sentence.text)
        for index in answer.actions[:-1]
    ]
    return bool(held and held[0]), any(held)


class Voters:
    """Asks a policy questions and judges what it answers."""

    def __init__(self, population: Population, seed: int) -> None:
        self._population = population
        self._rng = random.Random(f"voters {seed}")
        contrary = round((population.wrong + population.hostile) * population.voters)
        self._contrary = set(self._rng.sample(range(population.voters), contrary))
        self._judged = 0

    def judge(self, policy: ExtractivePolicy, asked: Asked) -> Record:
        """Ask one question, and judge the answer or two of them."""
        rng, population = self._rng, self._population
        voter = rng.randrange(population.voters)
        wrong = (rng.random() < population.flipped) != (voter in self._contrary)
        compare = rng.random() < population.preferences
        (answers,) = policy.sample([asked.prompt], 2 if compare else 1, Sampling(seed=rng.randrange(2**31)))
        rng.shuffle(answers)
        worth = [self._worth(policy, asked, answer) for answer in answers]
        when = START + self._judged * population.days * _DAY_S / 1000
        self._judged += 1
        name = f"{self._judged:05d}"
        judged = tuple(
            JudgedAnswer(f"answer-{name}-{place}", answer, user=f"voter-{voter}", position=place, served_at=when - 60.0)
            for place, answer in enumerate(answers)
        )
        record = Record(f"record-{name}", "vote", when, f"voter-{voter}", f"prompt-{name}", asked.prompt, judged)
        if compare:
            outcome, ranks = self._compared(worth, wrong)
            return replace(record, kind="preference", outcome=outcome, ranks=ranks)
        rating: Rating = "up" if (worth[0] == 2) != wrong else "down"
        return replace(record, rating=rating)

    @staticmethod
    def _worth(policy: ExtractivePolicy, asked: Asked, answer: Answer) -> int:
        if answer.abstained:
            return 0 if asked.answerable else 2
        first, whole = right(policy, asked, answer)
        return 2 if first else int(whole)

    def _compared(self, worth: Sequence[int], wrong: bool) -> tuple[Outcome, tuple[int, ...]]:
        first, second = worth
        if first == second and not wrong:
            return ("both_bad" if first == 0 else "tie"), (1, 1)
        better = first > second if first != second else self._rng.random() < 0.5
        return ("first", (1, 2)) if better != (wrong and first != second) else ("second", (2, 1))


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold().strip(" .")
