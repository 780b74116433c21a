"""The thread that owns the model's decoding. Requests take turns token by token, so a long answer does not hold up a
short one.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event, Lock, Thread

from training.policy.base import PolicyError, PolicyUnavailable


@dataclass
class Job:
    """Work in steps. `start` gives an iterator; each of its steps is short; `cancelled` is looked at between steps."""

    start: Callable[[], Iterator[object]]
    cancelled: Callable[[], bool]
    failed: Callable[[BaseException], None]
    stopped: Callable[[], None]  # called when the work was cancelled, after its last step
    ready: Callable[[], bool] = lambda: True  # False while the reader lags behind: the turn is skipped


class Worker:
    """Runs jobs on one thread, a few at a time in turns, the others in the order they came."""

    def __init__(self, name: str, at_once: int = 4) -> None:
        self._at_once = at_once
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._closed = Event()
        self._starting = Lock()
        self._thread: Thread | None = None
        self._name = name

    def submit(self, job: Job) -> None:
        """Queue a job.

        Args:
            job: What to do.

        Raises:
            PolicyUnavailable: The worker was closed.
        """
        with self._starting:
            if self._closed.is_set():
                raise PolicyUnavailable("this model was unloaded; ask again", retry_after_s=1)
            if self._thread is None:
                self._thread = Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._queue.put(job)

    def close(self) -> None:
        """Fail what is queued or running and wait for the thread to end."""
        with self._starting:
            self._closed.set()
            self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        turns: deque[tuple[Job, Iterator[object]]] = deque()
        while not self._closed.is_set():
            while len(turns) < self._at_once:
                try:
                    job = self._queue.get(block=not turns)
                except queue.Empty:
                    break
                if job is None:
                    break
                turns.append((job, self._started(job)))
            idle = sum(not job.ready() for job, _ in turns) == len(turns)
            for _ in range(len(turns)):
                job, steps = turns.popleft()
                if job.cancelled():
                    job.stopped()
                elif not job.ready() or self._step(job, steps):
                    turns.append((job, steps))
            if idle and turns:
                self._closed.wait(0.005)
        error = PolicyUnavailable("this model was unloaded; ask again", retry_after_s=1)
        for job, _ in turns:
            job.failed(error)
        while not self._queue.empty():
            waiting = self._queue.get()
            if waiting is not None:
                waiting.failed(error)

    @staticmethod
    def _started(job: Job) -> Iterator[object]:
        """Give the job's steps; what goes wrong while they are made counts as their first step."""
        yield from job.start()

    @staticmethod
    def _step(job: Job, steps: Iterator[object]) -> bool:
        """Do one step; False when it was the last."""
        try:
            next(steps)
        except StopIteration:
            return False
        except PolicyError as error:
            job.failed(error)
            return False
        except Exception as error:
            job.failed(PolicyUnavailable(f"the model failed: {error}"))
            return False
        return True
