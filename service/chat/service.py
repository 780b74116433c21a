"""The chat: from a request to its answers. Holds the line, the threads and every open answer of one process."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from retrieval.errors import RetrievalError
from service.chat import snapshot
from service.chat.admission import Admission, Place
from service.chat.again import Again, recall
from service.chat.asked import Asked
from service.chat.bridge import ThreadStream
from service.chat.exchange import Exchange, new_completion_id
from service.chat.heritage import inherited
from service.chat.options import ChatOptions
from service.chat.plan import Plan, plan_for, planned_steps
from service.chat.responses import ChatCompletionOut, ChoiceOut, usage_of
from service.chat.routing import scope_of
from service.chat.sse import EventStream
from service.chat.steps import Step, show
from service.chat.streaming import chunks
from service.errors import ApiError
from service.versions.lease import Lease
from service.versions.served import Served
from service.watch.tally import count_exchange
from training.policy.base import Prompt

if TYPE_CHECKING:
    from service.container import Container
    from service.metrics import Metrics
    from service.versions.snapshot import Snapshot

LONGEST_QUERY_CHARS = 4_000
log = logging.getLogger(__name__)


class ChatService:
    """Makes answers. For one event loop."""

    def __init__(self, container: Container, options: ChatOptions) -> None:
        """Use the container's search, policies, record and metrics; they may still be loading."""
        self.options = options
        self._container = container
        self._executor = ThreadPoolExecutor(options.max_running, thread_name_prefix="answer")
        self._open: dict[Exchange, asyncio.TimerHandle] = {}  # with the end of its time
        self._stopping: ApiError | None = None
        self._admission = Admission(
            max_running=options.max_running,
            max_waiting=options.max_waiting,
            max_waiting_per_key=options.max_waiting_per_key,
            max_wait_s=options.max_wait_s,
            on_change=self._line_changed,
        )

    @property
    def quiet(self) -> bool:
        """Tell whether nobody is being answered, nor waits for it."""
        return not self._admission.running and not self._admission.waiting

    async def open(self, asked: Asked, *, metrics: Metrics | None = None) -> Exchange:
        """Wait for a place, search, and start to answer.

        Args:
            asked: The request.
            metrics: Where it is counted; None for those of the process, which are about people.

        Returns:
            The exchange; its reader closes it.

        Raises:
            ApiError: 404 for an unknown model, 429 or 503 when there is no place.
            RetrievalError: If the search cannot be done; CollectionNotFound for a collection the caller may not read.
        """
        started = time.monotonic()
        # Held until the answer is recorded: the version that searches is the one that answers, whatever is promoted.
        lease = self._container.policies.lease()
        try:
            return await self._begin(asked, lease, started, metrics or self._container.metrics)
        except BaseException:
            lease.release()
            raise

    async def _begin(self, asked: Asked, lease: Lease, started: float, metrics: Metrics) -> Exchange:
        container = self._container
        again = None
        if asked.again is not None:
            again = await recall(asked.again, asked, container.answers, container.catalog)
            asked = again.asked_as_then(asked)
        completion_id = new_completion_id()
        plan = await self._plan(asked, lease.snapshot, completion_id, again)
        if self._stopping is not None:
            raise self._stopping
        place = await self._enter(asked.principal.key_id)
        try:
            admitted = time.monotonic()
            prompt = await self._prompt(asked, plan.served) if again is None else again.first.prompt
            theirs = await self._rival_prompt(asked, plan, prompt)
            searched = time.monotonic()
            metrics.retrieval_seconds.labels("chat").observe(searched - admitted)
            steps: ThreadStream[Step] = ThreadStream(
                self._executor, partial(planned_steps, plan, prompt, theirs, asked.sampling)
            )
        except BaseException:
            place.release()
            raise
        place.release_after(steps.work)
        exchange = Exchange(
            asked,
            prompt,
            plan,
            steps,
            completion_id=completion_id,
            metrics=metrics,
            started=started,
            waits_ms={"queue": (admitted - started) * 1000, "search": (searched - admitted) * 1000},
            on_close=partial(self._closed, lease, steps),
        )
        limit = self.options.answer_timeout_s
        self._open[exchange] = asyncio.get_running_loop().call_later(limit, exchange.abort, too_slow(limit))
        return exchange

    async def _plan(self, asked: Asked, seen: Snapshot, completion_id: str, again: Again | None) -> Plan:
        scope = await scope_of(asked, seen, self._container.catalog)
        served = self._container.policies.named(asked.model, asked.principal.identity, scope, snapshot=seen)
        if again is not None:
            return Plan(replace(served, role="again"), again=again)
        return plan_for(
            served,
            seen,
            self.options.trial,
            completion_id=completion_id,
            n=asked.choices,
            pairs=asked.pairs and asked.consent,
            greedy=asked.sampling.temperature == 0,
        )

    async def complete(self, asked: Asked) -> ChatCompletionOut:
        """Answer a request that is not streamed; fails as `open` does, and with 503 if the time or the server ends."""
        exchange = await self.open(asked)
        try:
            while await exchange.next() is not None:
                pass
            choices = await self.record(exchange)
            return ChatCompletionOut(
                id=exchange.id,
                created=exchange.created,
                model=exchange.model,
                choices=choices,
                usage=usage_of(exchange.finished),
                system_fingerprint=exchange.version,
                pair=exchange.pair is not None,
            )
        finally:
            exchange.close()

    async def stream(self, asked: Asked, *, include_usage: bool) -> EventStream:
        """Begin a stream. What fails early fails with its own HTTP status: the headers have not gone out yet.

        Args:
            asked: The request.
            include_usage: Whether the token counts come last.

        Returns:
            The response.
        """
        exchange = await self.open(asked)
        try:
            first, _ = await exchange.next_within(self.options.headers_wait_s)
        except BaseException:
            exchange.close()
            raise
        gauge = self._container.metrics.sse_open
        gauge.inc()

        def close() -> None:
            gauge.dec()
            exchange.close()

        events = chunks(exchange, first, self.record, include_usage=include_usage, heartbeat_s=self.options.heartbeat_s)
        return EventStream(events, on_close=close, send_timeout_s=self.options.send_timeout_s)

    async def record(self, exchange: Exchange) -> list[ChoiceOut]:
        """Keep the answers of an exchange and give them as they are returned."""
        container = self._container
        return await snapshot.record(
            exchange, container.answers, container.metrics, timeout_s=self.options.record_timeout_s
        )

    @property
    def waiting(self) -> int:
        """Questions that wait for their turn in this process."""
        return self._admission.waiting

    def begin_drain(self) -> None:
        """Take no more questions; what is open may finish for `drain_s`, then it ends with an error that says why."""
        if self._stopping is not None:
            return
        self._stopping = ApiError(503, "the server is stopping; ask again", code="shutting_down", retry_after_s=5)
        self._admission.turn_away(self._stopping)
        asyncio.get_running_loop().call_later(self.options.drain_s, self._cut)

    async def close(self) -> None:
        """Stop every answer and the threads behind them."""
        self.begin_drain()
        self._cut()
        self._executor.shutdown(wait=False, cancel_futures=True)
        await asyncio.sleep(0)

    async def _enter(self, key: str) -> Place:
        try:
            return await self._admission.enter(key)
        except ApiError as error:
            self._container.metrics.rejected_total.labels(error.code).inc()
            raise

    def _closed(self, lease: Lease, steps: ThreadStream[Step], exchange: Exchange) -> None:
        self._open.pop(exchange).cancel()
        lease.release_after(steps.work)
        if exchange.failed or exchange.took_s is not None:
            count_exchange(
                self._container.tally,
                [(arm.version, arm.role) for arm in exchange.arms],
                [item.abstained for item in exchange.finished],
                failed=exchange.failed,
                took_s=exchange.took_s,
            )

    def _line_changed(self, running: int, waiting: int) -> None:
        self._container.metrics.running.set(running)
        self._container.metrics.queue_depth.set(waiting)

    def _cut(self) -> None:
        for exchange in list(self._open):
            exchange.abort(self._stopping or too_slow(self.options.drain_s))

    async def _rival_prompt(self, asked: Asked, plan: Plan, prompt: Prompt) -> Prompt | None:
        """Search as the other arm of a trial learned to, where that is another way."""
        if plan.rival is None or plan.rival.questions == plan.served.questions:
            return prompt if plan.rival else None
        try:
            return await self._prompt(asked, plan.rival)
        except RetrievalError as error:
            log.warning("version %s could not search beside: %s", plan.rival.version, type(error).__name__)
            return None

    async def _prompt(self, asked: Asked, served: Served) -> Prompt:
        # The end of a pasted text is where its question is.
        query = asked.query[-LONGEST_QUERY_CHARS:]
        passages = await self._container.searcher.asearch(
            asked.principal.caller,
            query,
            collections=asked.collections,
            k=self.options.passages,
            encoder_for=served.questions,
        )
        question = asked.conversation.question
        # Where none were named, those that gave the passages; and what the history holds.
        searched = asked.collections or tuple(sorted({passage.collection_id for passage in passages}))
        before = await inherited(
            asked, self._container.redis, self._container.catalog, timeout_s=self.options.record_timeout_s
        )
        return Prompt(
            question=question,
            passages=show(passages),
            history=asked.conversation.history,
            resolved_question="" if asked.query == question else asked.query,
            # They decide who may judge the answer, and who may learn from it.
            collections=(*searched, *sorted(before.difference(searched))),
            segment=asked.segment,
            instructions=asked.conversation.instructions,
        )


def too_slow(limit_s: float) -> ApiError:
    """Make the error of an answer that took too long."""
    return ApiError(
        503, f"the answer was not ready within {limit_s:g} s; ask again", code="answer_timeout", retry_after_s=5
    )
