"""The loop of the ingest process, on scripted chores."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from service.jobs.engine import run_engine


class Script:
    """Chores that follow a script: how many documents wait at each look, and how many each batch deals with."""

    def __init__(self, waiting: Iterable[int], ingested: int = 1) -> None:
        self.log: list[str] = []
        self._waiting = iter(waiting)
        self._ingested = ingested

    def waiting(self) -> int:
        return next(self._waiting, 0)

    def ingest(self) -> int:
        self.log.append("ingest")
        return self._ingested

    def tidy(self) -> None:
        self.log.append("tidy")


def run(chores: Script, stop: threading.Event | None = None, linger_s: float = 0.0) -> int:
    beats: list[None] = []
    run_engine(chores, stop=stop or threading.Event(), beat=lambda: beats.append(None), linger_s=linger_s, poll_s=0.0)
    return len(beats)


def test_works_while_something_waits_then_tidies_and_leaves() -> None:
    chores = Script([3, 2, 1])
    assert run(chores) >= 4
    assert chores.log == ["ingest", "ingest", "ingest", "tidy"]


def test_nothing_to_do_tidies_and_leaves() -> None:
    chores = Script([])
    run(chores)
    assert chores.log == ["tidy"]


def test_work_that_comes_during_tidying_is_done() -> None:
    chores = Script([0, 1, 1])  # nothing, then one at the last look before leaving
    run(chores)
    assert chores.log == ["tidy", "ingest", "tidy"]


def test_documents_of_another_worker_keep_it_here() -> None:
    chores = Script([1] * 5, ingested=0)
    run(chores)
    assert chores.log == ["ingest"] * 5 + ["tidy"]


def test_stop_leaves_at_once_even_if_something_waits() -> None:
    stop = threading.Event()
    stop.set()
    chores = Script([1, 1, 1])
    assert run(chores, stop) == 0
    assert chores.log == []


def test_lingers_until_stopped() -> None:
    stop = threading.Event()
    chores = Script([1])
    threading.Timer(0.2, stop.set).start()
    assert run(chores, stop, linger_s=600.0) > 2
    assert chores.log == ["ingest"]
