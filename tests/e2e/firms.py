"""People who use a running service: they ask about firms, know what is right, and say what they thought.

The documents are those of `tests.training.pipeline.world`: half of the facts are told in words of their own, and only
the year, the name or the number in the right sentence gives it away. That can be learned.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.training.pipeline.world import Question, questions

FLIPPED = 0.1  # of judgements


@dataclass(frozen=True)
class Judged:
    """What a person said, and about which answer."""

    person: str
    answer_id: str  # the first of two


def write_documents(folder: Path, asked: Sequence[Question]) -> None:
    """Write a document for each firm that the questions are about."""
    folder.mkdir()
    for question in asked:
        for passage in question.prompt.passages[:1]:
            (folder / f"{passage.title}.txt").write_text(passage.text)


def firms(count: int) -> list[Question]:
    """Make questions, three about each firm."""
    return questions(count)


def visit(http: httpx.Client, asked: Sequence[Question], seed: int, *, people: int = 40) -> list[Judged]:
    """Ask every question once and judge every answer; of two answers the better one is preferred."""
    rng = random.Random(seed)
    plans = [(question, f"reader-{rng.randrange(people)}", rng.random() < FLIPPED) for question in asked]
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda plan: _judge(http, *plan), plans))


def accuracy(http: httpx.Client, asked: Sequence[Question], model: str) -> float:
    """Give the share of questions whose answer begins with what is right, as a version answers them."""
    with ThreadPoolExecutor(4) as pool:
        bodies = pool.map(lambda q: _chat(http, q, "examiner", {"model": model, "store": False}), asked)
        right = [_right(body["choices"][0], q.gold) for body, q in zip(bodies, asked, strict=True)]
    return sum(right) / len(right)


def _judge(http: httpx.Client, question: Question, person: str, wrong: bool) -> Judged:
    body = _chat(http, question, person, {"model": "groundloop", "pairs": True})
    right = [_right(choice, question.gold) for choice in body["choices"]]
    ids = [choice["answer_id"] for choice in body["choices"]]
    headers = {"X-Groundloop-User": person}
    if len(ids) == 1:
        rating = "up" if right[0] != wrong else "down"
        done = http.put(f"/v1/answers/{ids[0]}/vote", json={"rating": rating}, headers=headers)
    else:
        outcome = ("tie" if right[0] else "both_bad") if right[0] == right[1] else _better(right[0] != wrong)
        done = http.post("/v1/preferences", json={"answers": ids, "outcome": outcome}, headers=headers)
    done.raise_for_status()
    return Judged(person, ids[0])


def _better(first: bool) -> str:
    return "first" if first else "second"


def _chat(http: httpx.Client, question: Question, person: str, more: dict[str, Any]) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": question.prompt.question}], **more}
    answer = http.post("/v1/chat/completions", json=body, headers={"X-Groundloop-User": person})
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def _right(choice: dict[str, Any], gold: str) -> bool:
    return gold in str(choice["message"]["content"]).split("]")[0]
