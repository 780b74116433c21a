"""A small world in which learning is possible: firms with four facts each, questions whose words are often not
those of the facts, and readers who mostly know what is right.

Half of the facts are told in the question's words. The others are told in words of their own, and then only the year,
the name or the number in the right sentence gives it away.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from training.policy.base import Answer, Prompt, Sampling, ServingPolicy, ShownPassage
from training.records.types import JudgedAnswer, Record

_FIRST = ("Nor", "Alb", "Ver", "Kar", "Tol", "Mir", "Os", "Pel", "Rad", "Sun", "Tan", "Ulv", "Wes", "Yar", "Zel")
_LAST = ("dan", "vik", "mark", "ton", "heim", "sund", "berg", "ford")
_NAMES = ("Ada Berg", "Ole Dahl", "Mia Lund", "Jon Vik", "Eva Moe", "Per Lie")
_TOWNS = ("Bergen", "Oslo", "Turku", "Malmo", "Aarhus", "Tampere")
NOW = 1_790_000_000.0


@dataclass(frozen=True)
class Question:
    """A question, the passages shown for it, and what a right answer holds."""

    prompt: Prompt
    gold: str


def questions(count: int, seed: int = 0) -> list[Question]:
    """Make questions, three about each firm."""
    rng = random.Random(seed)
    names = [first + last for first in _FIRST for last in _LAST]
    rng.shuffle(names)
    firms = [_facts(name, rng) for name in names]
    made = []
    for number in range(count):
        at = number // 3 % len(firms)
        name, facts = firms[at]
        asked, gold = (
            (f"When did {name} begin?", facts["year"]),
            (f"Who runs {name}?", facts["head"]),
            (f"How many people does {name} employ?", facts["staff"]),
        )[number % 3]
        others = rng.sample([row for row in range(len(firms)) if row != at], 2)
        shown = [_passage(place, *firms[row]) for place, row in enumerate((at, *others), 1)]
        made.append(Question(Prompt(asked, tuple(shown), segment=("north", "south")[at % 2]), gold))
    return made


def judge(
    asked: Sequence[Question], policy: ServingPolicy, *, seed: int = 0, flipped: float = 0.15, pairs: float = 0.3
) -> list[Record]:
    """Let readers judge what a policy answers: a thumb on the answer, or a preference between two."""
    rng = random.Random(seed)
    records = []
    for number, question in enumerate(asked):
        voter = f"key:reader-{rng.randrange(60)}"
        two = rng.random() < pairs
        (answers,) = policy.sample([question.prompt], 2 if two else 1, Sampling(seed=number))
        right = [_right(answer, question.gold) for answer in answers]
        wrong = rng.random() < flipped
        common = {
            "record_id": f"{1_780_000_000_000 + number}-0",
            "judged_at": NOW - rng.uniform(0, 20) * 86_400,
            "voter": voter,
            "segment": question.prompt.segment,
            "prompt_id": f"prompt-{seed}-{number}",
            "prompt": question.prompt,
            "answers": tuple(
                JudgedAnswer(f"ans-{seed}-{number}-{place}", answer, voter, place, NOW)
                for place, answer in enumerate(answers)
            ),
        }
        if two and right[0] != right[1]:
            first = right[0] != wrong
            records.append(
                Record(
                    kind="preference",
                    outcome="first" if first else "second",
                    ranks=(1, 2) if first else (2, 1),
                    **common,
                )  # type: ignore[arg-type]
            )
        elif two:
            outcome = "tie" if right[0] else "both_bad"
            records.append(Record(kind="preference", outcome=outcome, ranks=(1, 1), **common))  # type: ignore[arg-type]
        else:
            records.append(Record(kind="vote", rating="up" if right[0] != wrong else "down", **common))  # type: ignore[arg-type]
    return records


def accuracy(asked: Sequence[Question], policy: ServingPolicy) -> float:
    """Give the share of questions whose greedy answer begins with the right sentence."""
    answers = policy.sample([question.prompt for question in asked], 1, Sampling())
    return sum(_right(answer, q.gold) for (answer,), q in zip(answers, asked, strict=True)) / len(asked)


def _right(answer: Answer, gold: str) -> bool:
    return gold in answer.text.split("]")[0]


def _facts(name: str, rng: random.Random) -> tuple[str, dict[str, str]]:
    return name, {
        "year": str(rng.randrange(1850, 2020)),
        "head": rng.choice(_NAMES),
        "staff": f"{rng.randrange(20, 900)} workers",
        "town": rng.choice(_TOWNS),
    }


def _passage(place: int, name: str, facts: dict[str, str]) -> ShownPassage:
    easy = [int(facts["year"]) >> bit & 1 for bit in range(3)]  # whether the fact is told in the question's words
    began = f"{name} began in {facts['year']}." if easy[0] else f"It dates from {facts['year']} after a long winter."
    head = f"{facts['head']} runs {name}." if easy[1] else f"{facts['head']} has been in charge for years."
    staff = f"{name} can employ {facts['staff']}." if easy[2] else f"On three floors one meets {facts['staff']}."
    text = f"{name} is a firm that people in {facts['town']} know well. {began} {head} {staff}"
    return ShownPassage(
        number=place,
        chunk_id=f"chk_{name}",
        document_id=f"file-{name}",
        title=name,
        text=text,
        score=1.0 / place,
        dense_score=0.6 / place,
        lexical_score=2.0 / place,
    )
