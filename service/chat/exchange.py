"""One question in the making: its place in line, its thread, its answers, and the record of them."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from service.chat.asked import Asked
from service.chat.bridge import ThreadStream
from service.chat.plan import Plan
from service.chat.responses import ChoiceOut, message_of
from service.chat.steps import Compared, Finished, Opening, Piece, Step
from service.chat.trial import Pair, note_of
from service.policies import ALIAS
from service.versions.served import Served
from training.policy.base import Prompt

if TYPE_CHECKING:
    from service.metrics import Metrics

log = logging.getLogger(__name__)


def new_completion_id() -> str:
    """Make an id nobody can guess: 144 random bits."""
    return "chatcmpl-" + secrets.token_urlsafe(18)


class Exchange:
    """Reads the steps of one request's answers. For one task at a time."""

    def __init__(
        self,
        asked: Asked,
        prompt: Prompt,
        plan: Plan,
        steps: ThreadStream[Step],
        *,
        completion_id: str,
        metrics: Metrics,
        started: float,
        waits_ms: Mapping[str, float],
        on_close: Callable[[Exchange], None],
    ) -> None:
        """Take over a started thread; `started` is a `time.monotonic` of the request's arrival."""
        self.id = completion_id
        self.created = int(time.time())
        self.asked = asked
        self.prompt = prompt
        self.served = plan.served
        self.again = plan.again
        self.arms: tuple[Served, ...] = (plan.served,) * plan.n  # who gives each answer
        self.opened = plan.pair is None  # whether it is known how many answers there are
        self.pair: Pair | None = None
        self.same: bool | None = None
        self.finished: list[Finished] = []
        self.waits_ms = waits_ms
        self.took_s: float | None = None  # once all answers are whole; a slow reader takes longer
        self._steps = steps
        self._metrics = metrics
        self._started = started
        self._on_close = on_close
        self._outcome: str | None = "cancelled"  # until something else happens
        self._first_seen = False

    async def next(self) -> Piece | None:
        """Give the next piece of text, None when all answers are whole; raise what stopped the policy.

        Safe to cancel and to call again.
        """
        try:
            while (step := await self._steps.next()) is not None:
                if not isinstance(step, Piece):
                    self._note(step)
                    continue
                if not self._first_seen:
                    self._first_seen = True
                    self._metrics.ttft_seconds.observe(time.monotonic() - self._started)
                return step
        except Exception:
            self._outcome = "error"
            raise
        self._outcome, self.opened = None, True
        self.took_s = time.monotonic() - self._started
        return None

    def _note(self, step: Finished | Opening | Compared) -> None:
        match step:
            case Finished():
                self.finished.append(step)
            case Opening(arms, pair):
                self.arms, self.pair, self.opened = arms, pair, True
            case Compared(same):
                self.same = same

    @property
    def count(self) -> int:
        """How many answers are given."""
        return len(self.arms)

    @property
    def version(self) -> str:
        """The version that answers; of a pair nobody is told, so that nobody judges a name."""
        return ALIAS if self.pair else self.served.version

    @property
    def model(self) -> str:
        """The model's name as a client may ask for it again."""
        return ALIAS if self.pair else f"{ALIAS}@{self.served.version}"

    def notes(self, index: int) -> dict[str, str]:
        """Give what is noted with an answer, besides what the caller gave."""
        arm = self.arms[index]
        first = self.again.first.answer_id if self.again else None
        alone = self.asked.choices == 1 and self.pair != "learn"  # else several of the policy's own were wanted
        return note_of(
            arm,
            same=self.same,
            pair=self.pair,
            named=self.asked.named,
            best_of=arm.best_of if alone else 1,
            again=first,
        ).attributes()

    async def next_within(self, seconds: float) -> tuple[Piece | None, bool]:
        """Do as `next`, but wait no longer than this: gives the piece, and whether the time ran out first."""
        try:
            async with asyncio.timeout(seconds) as limit:
                return await self.next(), False
        except TimeoutError:
            if not limit.expired():
                raise  # the policy's own
            return None, True

    def abort(self, error: Exception) -> None:
        """Stop the work; the reader gets this error."""
        self._steps.abort(error)

    def choices(self, answer_ids: Sequence[str]) -> list[ChoiceOut]:
        """Give the finished answers as they are returned, with the ids under which they are recorded."""
        return [
            ChoiceOut(
                index=item.index,
                message=message_of(item, self.prompt, same=bool(self.again and self.same)),
                finish_reason="length" if item.answer.finish_reason == "length" else "stop",
                answer_id=answer_id,
                recorded=True,
            )
            for item, answer_id in zip(self.finished, answer_ids, strict=True)
        ]

    @property
    def failed(self) -> bool:
        """Tell whether the policy, or the server under it, broke off."""
        return self._outcome == "error"

    def close(self) -> None:
        """Stop what still runs and count what happened; again does nothing."""
        on_close, self._on_close = self._on_close, _nothing
        if on_close is _nothing:
            return
        self._steps.close()
        if self._outcome is not None:
            self._metrics.answers_total.labels(self._outcome).inc(self.count)
        else:
            self._count_answers()
        on_close(self)

    def _count_answers(self) -> None:
        self._metrics.answer_seconds.observe(time.monotonic() - self._started)
        for item in self.finished:
            self._metrics.answers_total.labels("abstained" if item.abstained else "grounded").inc()
            self._metrics.tokens_total.labels("completion").inc(item.answer.completion_tokens)
        prompt_tokens = max((item.answer.prompt_tokens for item in self.finished), default=0)
        self._metrics.tokens_total.labels("prompt").inc(prompt_tokens)


def _nothing(_: Exchange) -> None:
    pass
