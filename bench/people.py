"""Simulated people of a running service: they ask over HTTP, and some of them say what they thought of the answer.

They know the gold answer and read the first sentence, as in `bench.voters`: right where it holds the gold answer, half
right where a later sentence does. One question in three is judged; of two answers shown the better one is preferred. A
share of judgements is flipped, a few people are wrong whatever they judge, hostile ones on purpose. All drawn from a
seed.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench.voters import Population
from retrieval.sentences import split_sentences
from training.policy.extractive.questions import Labelled

CLIENTS = 6
_MARKS = re.compile(r"\s*\[\d+\]")


@dataclass(frozen=True)
class Question:
    """A question whose answer is somewhere in the documents."""

    labelled: Labelled
    collection: str  # id in the service
    group: str  # the article, among all sets


@dataclass
class Told:
    """What people did so far."""

    asked: int = 0
    votes: Counter[str] = field(default_factory=Counter)  # up, down, and the outcomes of comparisons
    versions: Counter[str] = field(default_factory=Counter)  # of the answers, where they are told
    failed: Counter[str] = field(default_factory=Counter)  # status codes of what was not answered or not taken

    @property
    def judged(self) -> int:
        """Votes and comparisons together."""
        return self.votes.total()


def worth(choice: dict[str, Any], question: Labelled) -> int:
    """Give 2 for an answer whose first sentence holds the gold answer, 1 where a later one does, else 0."""
    text = _MARKS.sub("", choice["message"]["content"])
    gold = _plain(question.answer)
    sentences = [_plain(text[start:end]) for start, end in split_sentences(text)]
    held = [gold in said or (len(said) > 40 and said in gold) for said in sentences]
    return 2 if held and held[0] else int(any(held))


class People:
    """Asks and judges. Everything over HTTP, with end users named by a trusted key."""

    def __init__(self, http: httpx.AsyncClient, population: Population, seed: int, *, voting: float = 1 / 3) -> None:
        """Use a client that carries the address and a trusted key."""
        self.told = Told()
        self._http = http
        self._population = population
        self._voting = voting
        self._rng = random.Random(f"people {seed}")
        contrary = round((population.wrong + population.hostile) * population.voters)
        self._contrary = set(self._rng.sample(range(population.voters), contrary))

    async def ask_until(self, questions: Sequence[Question], judgements: int, *, most: int) -> None:
        """Ask in turn, from where asking stopped the last time, until there are so many judgements in all.

        Args:
            questions: Asked one after the other, over and over.
            judgements: In all, since the first call.
            most: Questions in this call.
        """
        last = self.told.asked + most

        async def client() -> None:
            while self.told.judged < judgements and self.told.asked < last:
                question = questions[self.told.asked % len(questions)]
                self.told.asked += 1
                await self._visit(question)

        await asyncio.gather(*(client() for _ in range(CLIENTS)))

    async def measure(self, questions: Sequence[Question], version: str) -> list[float]:
        """Give 1 for each question whose first sentence is right as a version answers it, else 0. Nothing is kept."""
        found = [0.0] * len(questions)
        places = iter(range(len(questions)))

        async def client() -> None:
            for place in places:
                one = questions[place]
                asked = {"model": f"groundloop@{version}", "store": False, "metadata": {"train": "false"}}
                body = await self._chat(one, "measuring", asked)
                if body is not None:
                    found[place] = float(worth(body["choices"][0], one.labelled) == 2)

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        return found

    async def _visit(self, question: Question) -> None:
        rng, population = self._rng, self._population
        voter = rng.randrange(population.voters)
        judges = rng.random() < self._voting
        wrong = (rng.random() < population.flipped) != (voter in self._contrary)
        coin = rng.random() < 0.5
        body = await self._chat(question, f"person-{voter}", {"model": "groundloop", "pairs": True})
        if body is None:
            return
        self.told.versions[body.get("system_fingerprint") or "blind"] += 1
        if not judges:
            return
        worths = [worth(choice, question.labelled) for choice in body["choices"]]
        ids = [choice["answer_id"] for choice in body["choices"]]
        if len(ids) == 1:
            rating = "up" if (worths[0] == 2) != wrong else "down"
            done = await self._send("PUT", f"/v1/answers/{ids[0]}/vote", voter, {"rating": rating})
            self.told.votes[rating] += done
            return
        outcome = _compared(worths[0], worths[1], wrong, coin)
        done = await self._send("POST", "/v1/preferences", voter, {"answers": ids, "outcome": outcome})
        self.told.votes[outcome] += done

    async def _chat(self, question: Question, person: str, more: dict[str, Any]) -> dict[str, Any] | None:
        body = {
            "messages": [{"role": "user", "content": question.labelled.text}],
            "collections": [question.collection],
            **more,
        }
        answer = await self._http.post("/v1/chat/completions", json=body, headers={"X-Groundloop-User": person})
        if answer.status_code != 200:
            self.told.failed[str(answer.status_code)] += 1
            return None
        found: dict[str, Any] = answer.json()
        return found

    async def _send(self, method: str, path: str, voter: int, body: dict[str, Any]) -> int:
        answer = await self._http.request(method, path, json=body, headers={"X-Groundloop-User": f"person-{voter}"})
        if answer.status_code != 200:
            self.told.failed[f"vote {answer.status_code}"] += 1
        return int(answer.status_code == 200)


def _compared(first: int, second: int, wrong: bool, coin: bool) -> str:
    if first == second and not wrong:
        return "both_bad" if first == 0 else "tie"
    better = first > second if first != second else coin
    return "first" if better != (wrong and first != second) else "second"


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold().strip(" .")
