"""Who may answer now, who waits, who is turned away. One bounded line for the process, with a bound for each key.

A free place goes to the waiting key that has the fewest answers in the making, first come first served within that, so
one busy key cannot starve the others. A place is given back when the work has really ended, not when its reader has
gone. For one event loop; not thread-safe.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from service.errors import ApiError

LONGEST_RETRY_S = 60
_SMOOTHING = 0.2  # weight of the newest answer in the running mean of how long one takes


class Place:
    """The right to make one answer. Give it back once, with `release` or `release_after`."""

    def __init__(self, give_back: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
        self._give_back: Callable[[], None] | None = give_back
        self._loop = loop

    def release(self) -> None:
        """Give the place back; again does nothing."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()

    def release_after(self, work: Future[Any] | None) -> None:
        """Give the place back when the work of a thread has ended, or now where there is none."""
        if work is None:
            self.release()
        else:
            work.add_done_callback(self._from_thread)

    def _from_thread(self, _: Future[Any]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.release)


@dataclass(eq=False)
class _Waiter:
    key: str
    turn: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Admission:
    """The line before the answers."""

    def __init__(
        self,
        *,
        max_running: int,
        max_waiting: int,
        max_waiting_per_key: int,
        max_wait_s: float,
        on_change: Callable[[int, int], None] = lambda running, waiting: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set the bounds; `on_change` is told (running, waiting) whenever they change."""
        self._max_running = max_running
        self._max_waiting = max_waiting
        self._max_waiting_per_key = max_waiting_per_key
        self._max_wait_s = max_wait_s
        self._on_change = on_change
        self._clock = clock
        self._running: Counter[str] = Counter()
        self._waiting: list[_Waiter] = []
        self._mean_s = 1.0

    @property
    def running(self) -> int:
        """Answers in the making."""
        return self._running.total()

    @property
    def waiting(self) -> int:
        """Requests in line."""
        return len(self._waiting)

    async def enter(self, key: str) -> Place:
        """Wait for a place.

        Args:
            key: Whose request it is; the bound for a key and the order count by it.

        Returns:
            The place, to be given back.

        Raises:
            ApiError: 429 if the key has as many requests in line as it may; 503 if the line is full, the wait too long
                or the server is stopping.
        """
        if self.running < self._max_running and not self._waiting:
            return self._admit(key)
        self._check_line(key)
        waiter = _Waiter(key)
        self._waiting.append(waiter)
        self._changed()
        try:
            async with asyncio.timeout(self._max_wait_s):
                await waiter.turn
        except TimeoutError:
            if not self._had_turn(waiter):
                raise self._full(f"no place became free within {self._max_wait_s:g} s") from None
        except asyncio.CancelledError:
            if self._had_turn(waiter):
                self._leave(key, None)
            raise
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            self._changed()
        return self._place(key)

    def turn_away(self, error: ApiError) -> None:
        """Send everybody in line away with this error; those who run go on."""
        for waiter in self._waiting:
            if not waiter.turn.done():
                waiter.turn.set_exception(error)

    def _had_turn(self, waiter: _Waiter) -> bool:
        """Tell whether the place was given in the very moment in which the wait ended otherwise."""
        return waiter.turn.done() and not waiter.turn.cancelled() and waiter.turn.exception() is None

    def _check_line(self, key: str) -> None:
        if sum(waiter.key == key for waiter in self._waiting) >= self._max_waiting_per_key:
            raise ApiError(
                429,
                f"this key has {self._max_waiting_per_key} questions waiting already; wait for their answers",
                code="too_many_waiting",
                retry_after_s=self._retry_s(),
            )
        if len(self._waiting) >= self._max_waiting:
            raise self._full(f"{len(self._waiting)} questions are waiting already")

    def _full(self, reason: str) -> ApiError:
        return ApiError(
            503, f"the server is busy: {reason}; try again later", code="server_busy", retry_after_s=self._retry_s()
        )

    def _retry_s(self) -> int:
        """Estimate when the present line will have moved on."""
        ahead = (len(self._waiting) + 1) / self._max_running
        return max(1, min(LONGEST_RETRY_S, math.ceil(ahead * self._mean_s)))

    def _admit(self, key: str) -> Place:
        self._running[key] += 1
        self._changed()
        return self._place(key)

    def _place(self, key: str) -> Place:
        started = self._clock()
        return Place(lambda: self._leave(key, started), asyncio.get_running_loop())

    def _leave(self, key: str, started: float | None) -> None:
        if started is not None:
            self._mean_s += _SMOOTHING * (self._clock() - started - self._mean_s)
        self._running[key] -= 1
        if not self._running[key]:
            del self._running[key]
        while self._waiting and self.running < self._max_running:
            waiter = min(self._waiting, key=lambda waiting: self._running[waiting.key])
            self._waiting.remove(waiter)
            if not waiter.turn.done():
                self._running[waiter.key] += 1
                waiter.turn.set_result(None)
        self._changed()

    def _changed(self) -> None:
        self._on_change(self.running, self.waiting)
