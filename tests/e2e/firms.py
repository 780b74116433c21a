"""People who use a running service: they ask about firms, know what is right, and say what they thought.

Many facts are told in words of their own, beside a sentence that repeats the question and answers nothing. An untrained
policy falls for the words; votes can teach it that the year, the name or the number is what was asked for.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

FLIPPED = 0.1  # of judgements
EASY = 0.4  # of the facts are told in the words of the question
_FIRST = ("Nor", "Alb", "Ver", "Kar", "Tol", "Mir", "Os", "Pel", "Rad", "Sun", "Tan", "Ulv", "Wes", "Yar", "Zel")
_LAST = ("dan", "vik", "mark", "ton", "heim", "sund", "berg", "ford")
_HEADS = ("Ada Berg", "Ole Dahl", "Mia Lund", "Jon Vik", "Eva Moe", "Per Lie")
_TOWNS = ("Bergen", "Oslo", "Turku", "Malmo", "Aarhus", "Tampere")


@dataclass(frozen=True)
class Question:
    """A question, the document that answers it, and what a right answer opens with."""

    text: str
    firm: str
    document: str
    gold: str


@dataclass(frozen=True)
class Judged:
    """What a person said, and about which answer."""

    person: str
    answer_id: str  # the first of two


def firms(count: int) -> list[Question]:
    """Make firms, with three questions about each."""
    rng = random.Random(0)
    names = [first + last for first in _FIRST for last in _LAST]
    rng.shuffle(names)
    return [question for name in names[:count] for question in _about(name, rng)]


def write_documents(folder: Path, asked: Sequence[Question]) -> None:
    """Write the document of each firm that the questions are about."""
    folder.mkdir()
    for question in asked:
        (folder / f"{question.firm}.txt").write_text(question.document)


def _about(name: str, rng: random.Random) -> list[Question]:
    year, staff = str(rng.randrange(1850, 2020)), str(rng.randrange(20, 900))
    head = rng.choice(_HEADS)
    facts = (  # the question, the fact in its words, the words without the fact, the fact in other words
        (
            f"When did {name} begin?",
            f"{name} began in {year}",
            f"People ask when {name} began",
            f"The first workshop opened in {year}",
            year,
        ),
        (
            f"Who runs {name}?",
            f"{head} runs {name}",
            f"People ask who runs {name}",
            f"Since then {head} has been in charge",
            head,
        ),
        (
            f"How many people does {name} employ?",
            f"{name} employs {staff} people",
            f"People ask how many people {name} employs",
            f"On three floors one meets {staff} workers",
            staff,
        ),
    )
    told = [f"{name} is a firm in {rng.choice(_TOWNS)}"]
    for _, plain, words, other, _ in facts:
        told += [plain] if rng.random() < EASY else [words, other]
    document = " ".join(f"{sentence}." for sentence in told)
    return [Question(text, name, document, gold) for text, *_, gold in facts]


def visit(http: httpx.Client, asked: Sequence[Question], seed: int, *, people: int = 40) -> list[Judged]:
    """Ask every question once and judge every answer; of two answers the better one is preferred."""
    rng = random.Random(seed)
    plans = [(question, f"reader-{rng.randrange(people)}", rng.random() < FLIPPED) for question in asked]
    with ThreadPoolExecutor(4) as pool:
        return [said for said in pool.map(lambda plan: _judge(http, *plan), plans) if said is not None]


def accuracy(http: httpx.Client, asked: Sequence[Question], model: str) -> float:
    """Give the share of questions whose answer begins with what is right, as a version answers them."""
    with ThreadPoolExecutor(4) as pool:
        bodies = pool.map(lambda q: _chat(http, q, "examiner", {"model": model, "store": False}), asked)
        right = [_right(body["choices"][0], q.gold) for body, q in zip(bodies, asked, strict=True)]
    return sum(right) / len(right)


def _judge(http: httpx.Client, question: Question, person: str, wrong: bool) -> Judged | None:
    body = _chat(http, question, person, {"model": "groundloop", "pairs": True})
    right = [_right(choice, question.gold) for choice in body["choices"]]
    ids = [choice["answer_id"] for choice in body["choices"]]
    if None in ids:  # a busy machine did not keep the answer in time
        return None
    headers = {"X-Groundloop-User": person}
    if len(ids) == 1:
        rating = "up" if right[0] != wrong else "down"
        _patiently(lambda: http.put(f"/v1/answers/{ids[0]}/vote", json={"rating": rating}, headers=headers))
    else:
        outcome = ("tie" if right[0] else "both_bad") if right[0] == right[1] else _better(right[0] != wrong)
        said = {"answers": ids, "outcome": outcome}
        _patiently(lambda: http.post("/v1/preferences", json=said, headers=headers))
    return Judged(person, ids[0])


def _better(first: bool) -> str:
    return "first" if first else "second"


def _chat(http: httpx.Client, question: Question, person: str, more: dict[str, Any]) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": question.text}], **more}
    headers = {"X-Groundloop-User": person}
    found: dict[str, Any] = _patiently(lambda: http.post("/v1/chat/completions", json=body, headers=headers)).json()
    return found


def _patiently(call: Callable[[], httpx.Response]) -> httpx.Response:
    """Call again while a busy machine says that it cannot now."""
    for _ in range(60):
        answer = call()
        if answer.status_code not in (429, 503):
            break
        time.sleep(0.5)
    return answer.raise_for_status()


def _right(choice: dict[str, Any], gold: str) -> bool:
    return gold in str(choice["message"]["content"]).split("]")[0]
