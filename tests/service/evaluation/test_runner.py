"""Runs in the background: one at a time, taken up again, ended with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.errors import ApiError, unavailable
from service.evaluation import runner as module
from service.evaluation.asking import Heard
from service.evaluation.runner import ATTEMPTS, HOPELESS, Runner, World
from service.evaluation.runs import Run, RunStore
from tests.service.evaluation.world import Asked, content_of, line, many, said
from training.evaluation.golden import GoldenQuestion


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def _runner(store: RunStore, world: World) -> Runner:
    return Runner(store, store._folder.parent, world, look_s=0.05)


async def _until(store: RunStore, run: Run, *states: str) -> Run:
    for _ in range(1000):
        now = store.get(run.id)
        if now is not None and now.state in states:
            return now
        await asyncio.sleep(0.01)
    raise AssertionError(f"it became none of {states}: {now}")


def do(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a scenario."""
    return asyncio.run(work)


def test_a_run_ends_with_figures_and_what_fails(store: RunStore) -> None:
    golden = content_of(
        line("How many days of vacation?", id="right", answers=["30 days"], documents=["hr.pdf"], segment="de"),
        line("How many in the first year?", id="wrong", answers=["15 days"]),
        line("Who won in 1931?", id="must not", unanswerable=True),
    )

    async def scenario() -> Run:
        asked = Asked()
        asked.gate.set()
        run = store.create(golden, 3, "sha")
        runner = _runner(store, asked.world())
        runner.start()
        done = await _until(store, run, "completed", "failed")
        await runner.close()
        assert asked.versions == {"v000007-extractive"}
        return done

    run = do(scenario())
    assert (run.state, run.done, run.version, run.attempts) == ("completed", 3, "v000007-extractive", 1)
    figures = {one["name"]: one for one in run.figures}
    assert (figures["correct"]["value"], figures["correct"]["questions"]) == (pytest.approx(1 / 3), 3)
    assert figures["correct, segment de"]["value"] == 1.0
    assert run.latency_ms == {"p50": 5.0, "p95": 5.0, "p99": 5.0}
    first, second = store.failing(run)
    assert (first["id"], first["why"], first["expected"]) == ("wrong", "It does not say: 15 days.", "15 days")
    assert first["citations"][0]["content"] == "There are 30 days of vacation"
    assert second["why"] == "It answers, although the documents do not hold the answer."
    assert store.found_passages("sha")["right"][0]["filename"] == "hr.pdf"


def test_one_run_at_a_time_the_oldest_first_in_all_processes(store: RunStore) -> None:
    async def scenario() -> None:
        asked = Asked(answer=lambda question: said())
        first, second = store.create(many(3), 3, "a", "v1"), store.create(many(3), 3, "a", "v2")
        runners = [_runner(store, asked.world()) for _ in range(3)]
        for runner in runners:
            runner.start()
        await _until(store, first, "running")
        await asyncio.sleep(0.2)
        waiting = store.get(second.id)
        assert waiting is not None
        assert waiting.state == "waiting"
        asked.gate.set()
        await _until(store, second, "completed")
        for runner in runners:
            await runner.close()
        assert asked.questions == ["q0", "q1", "q2"] * 2

    do(scenario())


@pytest.mark.parametrize("graceful", [True, False])
def test_a_run_that_was_interrupted_goes_on_where_it_was(store: RunStore, graceful: bool) -> None:
    async def scenario() -> None:
        stop = asyncio.Event()

        def answer(question: GoldenQuestion) -> Heard:
            if question.id == "q2" and not stop.is_set():
                stop.set()
                raise asyncio.CancelledError
            return said()

        asked = Asked(answer)
        asked.gate.set()
        run = store.create(many(5), 5, "sha")
        first = _runner(store, asked.world())
        first.start()
        await stop.wait()
        await first.close()
        left = store.get(run.id)
        assert left is not None
        assert (left.state, left.done, left.attempts) == ("waiting", 2, 0)
        if not graceful:  # as a killed process leaves it
            store.write(replace(left, state="running", attempts=1))
        second = _runner(store, asked.world(serving=lambda: "v000008-extractive"))
        second.start()
        done = await _until(store, run, "completed")
        await second.close()
        assert asked.questions == ["q0", "q1", "q2", "q2", "q3", "q4"]
        assert (done.version, asked.versions) == ("v000007-extractive", {"v000007-extractive"})
        assert (done.done, done.attempts) == (5, 1 if graceful else 2)

    do(scenario())


def test_a_run_that_process_after_process_dies_at_fails(store: RunStore) -> None:
    async def scenario() -> Run:
        run = store.create(many(2), 2, "sha")
        store.write(replace(run, state="running", attempts=ATTEMPTS))
        runner = _runner(store, Asked().world())
        runner.start()
        done = await _until(store, run, "failed")
        await runner.close()
        return done

    assert "3 processes that did it were killed" in do(scenario()).reason


def _failing(error: Exception, *, after: int = 0) -> Asked:
    def answer(question: GoldenQuestion) -> Heard:
        if int(question.id[1:]) >= after:
            raise error
        return said()

    asked = Asked(answer)
    asked.gate.set()
    return asked


@pytest.mark.parametrize(
    ("asked", "state", "reason", "unanswered"),
    [
        (_failing(ApiError(404, "no model `v9`", code="model_not_found")), "failed", "no model `v9`", 0),
        (_failing(unavailable("version", "version v9 does not load")), "failed", "does not load", 0),
        (_failing(unavailable("policy", "the model is away")), "failed", "no question gets an answer", 0),
        (_failing(unavailable("policy", "the model is away"), after=3), "completed", "", 5),
        (_failing(ApiError(400, "too long"), after=3), "completed", "", 5),
        (_failing(RuntimeError("a bug")), "failed", "RuntimeError; the log", 0),
    ],
    ids=["no such version", "damaged", "hopeless", "away later", "refused", "bug"],
)
def test_a_run_that_can_come_to_nothing_says_why(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, asked: Asked, state: str, reason: str, unanswered: int
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    asked.questions.clear()

    async def scenario() -> Run:
        asked.gate = asyncio.Event()
        asked.gate.set()
        run = store.create(many(8), 8, "sha")
        runner = _runner(store, asked.world())
        runner.start()
        done = await _until(store, run, "failed", "completed")
        await runner.close()
        return done

    run = do(scenario())
    assert (run.state, run.unanswered) == (state, unanswered)
    assert reason in run.reason
    assert len(asked.questions) <= 8
    if "no question" in reason:
        assert len(asked.questions) == HOPELESS
    if unanswered:
        assert "There is no answer" in store.failing(run)[0]["why"]


def test_what_is_only_busy_is_asked_again(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []

    def answer(question: GoldenQuestion) -> Heard:
        tries.append(question.id)
        if len(tries) < 3:
            raise ApiError(503, "busy", code="server_busy", retry_after_s=0)
        return said()

    async def fast(seconds: float) -> None:
        await real(min(seconds, 0.01))

    real = asyncio.sleep
    monkeypatch.setattr(module.asyncio, "sleep", fast)

    async def scenario() -> Run:
        asked = Asked(answer)
        asked.gate.set()
        run = store.create(many(2), 2, "sha")
        runner = _runner(store, asked.world())
        runner.start()
        done = await _until(store, run, "completed")
        await runner.close()
        return done

    assert (do(scenario()).unanswered, tries) == (0, ["q0", "q0", "q0", "q1"])


def test_users_go_first(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUIET_S", 0.5)

    async def scenario() -> None:
        asked, users = Asked(), [True]
        asked.gate.set()
        run = store.create(many(1), 1, "sha")
        runner = _runner(store, asked.world(quiet=lambda: not users))
        runner.start()
        await _until(store, run, "running")
        await asyncio.sleep(0.2)
        assert asked.questions == []
        users.clear()
        await _until(store, run, "completed")
        users.append(True)
        second = store.create(many(1), 1, "sha")
        await _until(store, second, "completed")  # and yet it comes to its end
        await runner.close()

    do(scenario())


def test_a_run_is_cancelled_between_two_questions(store: RunStore) -> None:
    async def scenario() -> Run:
        run = store.create(many(4), 4, "sha")

        def answer(question: GoldenQuestion) -> Heard:
            if question.id == "q1":
                store.cancel(run)
            return said()

        asked = Asked(answer)
        asked.gate.set()
        runner = _runner(store, asked.world())
        runner.start()
        done = await _until(store, run, "cancelled")
        await runner.close()
        assert asked.questions == ["q0", "q1"]
        return done

    assert do(scenario()).finished_at


def test_nothing_is_done_before_all_is_loaded(store: RunStore) -> None:
    async def scenario() -> None:
        ready: list[bool] = []
        asked = Asked()
        asked.gate.set()
        run = store.create(many(1), 1, "sha")
        runner = _runner(store, asked.world(ready=lambda: bool(ready)))
        runner.start()
        await asyncio.sleep(0.2)
        assert asked.questions == []
        ready.append(True)
        runner.ring()
        await _until(store, run, "completed")
        await runner.close()

    do(scenario())
