"""Golden sets, answers and a runner's world for tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from service.evaluation.asking import Heard
from service.evaluation.runner import World
from service.scopes import SHARED, Scope
from training.citations import cite
from training.evaluation.golden import GoldenQuestion
from training.evaluation.row import Told
from training.policy.base import ShownPassage

PASSAGE = ShownPassage(1, "c1", "d1", "Handbook", "There are 30 days of vacation.", 0.9, filename="hr.pdf")


def line(question: str, **expected: Any) -> dict[str, Any]:
    """Give a golden question."""
    return {"question": question, **expected}


def content_of(*lines: dict[str, Any]) -> bytes:
    """Give a golden file."""
    return "".join(json.dumps(one) + "\n" for one in lines).encode()


def many(count: int) -> bytes:
    """Give a golden file of so many questions that 30 days answer."""
    return content_of(*(line(f"How many days in year {n}?", answers=["30 days"], id=f"q{n}") for n in range(count)))


def said(text: str = "There are 30 days of vacation. [1]") -> Heard:
    """Give an answer."""
    return Heard(Told(text, (PASSAGE,), abstained=False, latency_ms=5.0), tuple(cite(text, (PASSAGE,)).citations))


@dataclass
class Asked:
    """Answers golden questions, and keeps which it was asked."""

    answer: Callable[[GoldenQuestion], Heard] = lambda question: said()
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    questions: list[str] = field(default_factory=list)
    versions: set[str] = field(default_factory=set)

    async def ask(self, question: GoldenQuestion, version: str, scope: Scope) -> Heard:
        """Answer once the gate is open."""
        await self.gate.wait()
        self.questions.append(question.id)
        self.versions.add(version)
        await asyncio.sleep(0)
        return self.answer(question)

    def world(self, **changes: Any) -> World:
        """Give a world in which it answers."""
        given: dict[str, Any] = {
            "ask": self.ask,
            "ready": lambda: True,
            "quiet": lambda: True,
            "serving": lambda: "v000007-extractive",
            "scope_of": lambda version: SHARED,
        }
        return World(**{**given, **changes})
