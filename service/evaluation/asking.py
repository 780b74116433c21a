"""One golden question through the chat: searched, answered and cited as anybody's, and kept as nobody's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.access.principal import Principal
from service.chat.asked import SEGMENT_HEADER, read
from service.chat.schemas import ChatRequest
from service.metrics import Metrics
from service.scopes import SHARED, Scope
from training.citations import Citation
from training.evaluation.row import Told
from training.policy.base import ShownPassage

if TYPE_CHECKING:
    from service.chat.service import ChatService
    from training.evaluation.golden import GoldenQuestion

WHO = Principal("evaluation", "operator")  # it reads what operators read


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer, with what is kept of it beside its figures."""

    told: Told
    citations: tuple[Citation, ...] = ()

    def beside(self) -> dict[str, Any]:
        """Give what is kept: the passages as a golden file holds them, and the verified citations."""
        return {
            "passages": [_passage(one) for one in self.told.passages],
            "citations": [_citation(one) for one in self.citations if one.verified],
        }


Ask = Callable[["GoldenQuestion", str, Scope], Awaitable[Heard]]  # of a version, which is of a scope


def asker(chat: ChatService) -> Ask:
    """Give the way to ask a version through the chat; fails as the chat does."""
    apart = Metrics()  # what the process counts is about people

    async def ask(question: GoldenQuestion, version: str, scope: Scope) -> Heard:
        turns = [{"role": turn.role, "content": turn.text} for turn in question.history]
        body: dict[str, Any] = {
            "model": f"groundloop@{version}",
            "messages": [*turns, {"role": "user", "content": question.question}],
        }
        segment = question.segment
        if scope.kind == "collection":
            body["collections"] = [scope.name]  # its version answers about nothing else
        elif scope != SHARED:
            segment = scope.name
        headers = {SEGMENT_HEADER: segment} if segment else {}
        exchange = await chat.open(read(ChatRequest.model_validate(body), WHO, headers, chat.options), metrics=apart)
        try:
            while await exchange.next() is not None:
                pass
            (item,) = exchange.finished
            waited = exchange.waits_ms["queue"]
            told = Told(
                text=item.cited.text,
                passages=exchange.prompt.passages,
                abstained=item.abstained,
                latency_ms=(exchange.took_s or 0.0) * 1000 - waited,
                logprob=item.answer.logprob,
                steps=item.answer.steps,
            )
            return Heard(told, tuple(item.cited.citations))
        finally:
            exchange.close()

    return ask


def _passage(shown: ShownPassage) -> dict[str, Any]:
    return {
        "text": shown.text,
        "document_id": shown.document_id,
        "chunk_id": shown.chunk_id,
        "title": shown.title,
        "filename": shown.filename,
        "page": shown.page_start,
        "score": shown.score,
    }


def _citation(one: Citation) -> dict[str, Any]:
    return {
        "number": one.number,
        "document_id": one.document_id,
        "title": one.title,
        "filepath": one.filepath,
        "content": one.content,
        "page_start": one.page_start,
    }
