"""Does evaluation runs in the background of an API process: one at a time in a home, behind everybody's questions.

A run that a process was killed at is taken up again by another one, with what was answered so far; one that process
after process dies at ends `failed`. A server that stops gives its run back.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from service.ending import end
from service.errors import as_api_error
from service.evaluation.adding import added_up, line_of
from service.evaluation.asking import Ask, Heard
from service.evaluation.runs import Run, RunStore
from service.pidlock import PidLock
from service.scopes import Scope
from training.evaluation.golden import GoldenQuestion, parse_golden
from training.evaluation.row import Told

if TYPE_CHECKING:
    from retrieval.durable import FrameWriter

T = TypeVar("T")
LOCK = "evaluation.lock"
ATTEMPTS = 3  # processes that may die at a run
HOPELESS = 5  # questions without an answer, where none before had one
PATIENCE_S = 120.0  # with what is busy, loading or away
QUIET_S, PAUSE_S = 30.0, 0.05  # longest wait for a moment without users, and between two looks for one
NOTE_S = 1.0
log = logging.getLogger(__name__)


class Hopeless(Exception):
    """The run can come to nothing; the message says why."""


class Cancelled(Exception):
    """Somebody asked for its end."""


@dataclass(frozen=True, slots=True)
class World:
    """What a runner needs of the process that it runs in."""

    ask: Ask
    ready: Callable[[], bool]  # everything is loaded, and nothing ends
    quiet: Callable[[], bool]  # nobody waits for an answer now
    serving: Callable[[], str]  # the version that answers everybody
    scope_of: Callable[[str], Scope]  # of a version


class Runner:
    """The background task of one process. For one event loop."""

    def __init__(self, store: RunStore, run_folder: Path, world: World, *, look_s: float = 10.0) -> None:
        """Do nothing yet.

        Args:
            store: Of the runs.
            run_folder: For the lock that keeps it to one process at a time.
            world: How to ask.
            look_s: Time between two looks for runs that others left.
        """
        self._store, self._world, self._look_s = store, world, look_s
        self._lock = PidLock(run_folder / LOCK)
        self._rung = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        # One thread, so that what is written is written in order, also while the loop's task is being ended.
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="evaluation")

    def start(self) -> None:
        """Do runs from now on."""
        self._task = asyncio.create_task(self._loop(), name="evaluation")

    def ring(self) -> None:
        """Look for runs now."""
        self._rung.set()

    async def close(self) -> None:
        """Stop; a run that is not over is given back."""
        if self._task is not None:
            await end(self._task)
        await asyncio.to_thread(self._disk.shutdown)

    async def _loop(self) -> None:
        while True:
            self._rung.clear()
            try:
                await self._look()
            except Exception:  # a full disk, say: the next look may find it better
                log.exception("evaluation runs could not be looked for")
            try:
                async with asyncio.timeout(self._look_s):
                    await self._rung.wait()
            except TimeoutError:
                continue

    async def _look(self) -> None:
        if not self._world.ready() or await self._do(self._unfinished) is None or not self._lock.acquire(0.0):
            return
        try:
            while self._world.ready() and (run := await self._do(self._unfinished)) is not None:
                await self._see_through(run)
        finally:
            self._disk.submit(self._lock.release)

    def _unfinished(self) -> Run | None:
        """Give the oldest run that is not over."""
        return next((run for run in reversed(self._store.newest()) if not run.finished), None)

    async def _see_through(self, run: Run) -> None:
        if run.attempts >= ATTEMPTS:
            return await self._over(run, "failed", f"given up: {run.attempts} processes that did it were killed")
        run = replace(run, state="running", reason="", attempts=run.attempts + 1)
        try:
            version = run.version or run.asked_for or self._world.serving()
            run = replace(run, version=version, started_at=run.started_at or time.time())
            await self._put(run)
            await self._over(await self._asked(run), "completed")
        except Cancelled:
            await self._over(run, "cancelled")
        except Hopeless as error:
            await self._over(run, "failed", str(error))
        except asyncio.CancelledError:  # the server stops: not the run's fault
            self._disk.submit(self._give_back, run)
            raise
        except Exception as error:
            log.exception("an evaluation run failed")
            await self._over(run, "failed", f"{type(error).__name__}; the log of the API says more")

    async def _asked(self, run: Run) -> Run:
        """Ask what is left to ask, and add it all up."""
        questions = parse_golden(await self._do(self._store.golden, run), Path("golden.jsonl"))
        known = {line["row"]["id"]: line for line in await self._do(lambda: list(self._store.rows(run)))}
        scope = await self._do(self._world.scope_of, run.version)
        rows = await self._do(self._store.writer, run)
        try:
            await self._ask_rest(run, [one for one in questions if one.id not in known], scope, rows, known)
        finally:
            self._disk.submit(rows.close)
        return await self._do(added_up, self._store, run, questions, known)

    async def _ask_rest(
        self, run: Run, left: list[GoldenQuestion], scope: Scope, rows: FrameWriter, known: dict[str, Any]
    ) -> None:
        noted = 0.0
        answered = any(not line["row"]["error"] for line in known.values())
        for question in left:
            if time.monotonic() - noted >= NOTE_S:
                await self._put(replace(run, done=len(known)))
                noted = time.monotonic()
            line = await self._do(line_of, question, await self._heard(question, run, scope))
            await self._do(rows.append, [json.dumps(line, ensure_ascii=False).encode()])
            known[question.id] = line
            answered = answered or not line["row"]["error"]
            if not answered and len(known) >= HOPELESS:
                raise Hopeless(f"no question gets an answer: {line['row']['error']}")

    async def _heard(self, question: GoldenQuestion, run: Run, scope: Scope) -> Heard:
        """Ask once nobody else waits, and again while something is only busy."""
        for _ in range(round(QUIET_S / PAUSE_S)):  # for ever, and it would starve where there is always somebody
            if self._world.quiet():
                break
            await asyncio.sleep(PAUSE_S)
        began = time.monotonic()
        while True:
            if await self._do(self._store.cancelled, run):
                raise Cancelled
            try:
                return await self._world.ask(question, run.version, scope)
            except Exception as error:
                told = as_api_error(error)
                if told is None:
                    raise
                impatient = time.monotonic() - began >= PATIENCE_S
                if told.code == "model_not_found" or (told.code == "version_unavailable" and impatient):
                    raise Hopeless(told.message) from error
                if told.status != 503 or impatient:
                    return Heard(Told("", (), abstained=False, latency_ms=0.0, error=told.message))
                await asyncio.sleep(min(told.retry_after_s or 1.0, 5.0))

    async def _over(self, run: Run, state: Any, reason: str = "") -> None:
        await self._put(replace(run, state=state, reason=reason, finished_at=time.time()))
        log.info("an evaluation run is over", extra={"run": run.id, "version": run.version, "state": state})

    async def _put(self, run: Run) -> None:
        await self._do(self._store.write, run)

    def _give_back(self, run: Run) -> None:
        now = self._store.get(run.id)
        if now is None or now.finished:  # its end was being written when the server stopped
            return
        done = sum(1 for _ in self._store.rows(run))
        reason = "the server stopped; it goes on when one runs"
        self._store.write(replace(run, state="waiting", reason=reason, attempts=run.attempts - 1, done=done))

    async def _do(self, work: Callable[..., T], *given: Any) -> T:
        """Do something that blocks."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, partial(work, *given))
