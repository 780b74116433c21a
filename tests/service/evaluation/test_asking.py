"""How a golden question is put to a version of each scope."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from service.chat.options import ChatOptions
from service.chat.service import ChatService
from service.evaluation.asking import asker
from service.scopes import SHARED, Scope
from service.settings import Settings
from tests.service.evaluation.world import PASSAGE
from training.citations import cite
from training.evaluation.golden import GoldenQuestion
from training.policy.base import Answer, Prompt, Sampling, Turn

TEXT = "There are 30 days of vacation. [1]"


class Chat:
    """Answers in place of the chat, and keeps what it was asked."""

    def __init__(self, settings: Settings) -> None:
        self.options = ChatOptions.of(settings)
        self.asked: list[Any] = []
        self.closed = 0

    async def open(self, asked: Any, *, metrics: Any) -> Any:
        """Give an exchange whose answer is whole."""
        self.asked.append(asked)
        answer = Answer(TEXT, "v1", "stop", Sampling(), -1.0, 2)
        item = SimpleNamespace(answer=answer, cited=cite(TEXT, (PASSAGE,)), abstained=False)
        return SimpleNamespace(
            next=self._over,
            finished=[item],
            prompt=Prompt("?", (PASSAGE,)),
            waits_ms={"queue": 40.0},
            took_s=0.1,
            close=self._close,
        )

    async def _over(self) -> None:
        return None

    def _close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(
    ("scope", "segment", "collections"),
    [
        (SHARED, "de", None),
        (Scope("segment", "fr"), "fr", None),
        (Scope("collection", "vs_1"), "de", ("vs_1",)),
    ],
)
def test_a_version_is_asked_in_its_own_scope(scope: Scope, segment: str, collections: Any, tmp_path: Any) -> None:
    chat = Chat(Settings(home=tmp_path))
    history = (Turn("user", "How many days of vacation are there?"), Turn("assistant", "30 days."))
    question = GoldenQuestion("q", "And in the first year?", history, segment="de")

    heard = asyncio.run(asker(cast(ChatService, chat))(question, "v000003-extractive", scope))

    (asked,) = chat.asked
    assert (asked.model, asked.segment, asked.collections) == ("groundloop@v000003-extractive", segment, collections)
    assert (asked.conversation.question, asked.conversation.history) == ("And in the first year?", history)
    assert asked.principal.caller.reads_all
    assert not asked.pairs
    assert (heard.told.text, heard.told.latency_ms, chat.closed) == (TEXT, pytest.approx(60.0), 1)
    kept = heard.beside()
    assert (kept["passages"][0]["filename"], kept["citations"][0]["number"]) == ("hr.pdf", 1)
