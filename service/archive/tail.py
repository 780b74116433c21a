"""Follows the streams of Redis into the journal, in a thread of an API process.

Of all processes of a home one follows; the lock frees itself when that one dies, and another goes on from the last mark
within a second. A wake-up costs one blocking read and, when there is something, one fsync for all that has come: the
journal is behind Redis by about the time of one write. A Redis that does not know this journal, although the journal
holds something, has lost its data (or is another one): everything is put back at once (`service.archive.rebuild`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from retrieval.errors import StorageFull
from service.archive.items import Item, Mark, key_of
from service.archive.journal import Journal
from service.archive.live import LiveReader, entry_item
from service.archive.state import state_items
from service.feedback import keys
from service.pidlock import PidLock

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

JOURNALS = "gl:journals"  # hash: journals that this Redis is whole for -> when that was found
BLOCK_MS = 500
BATCH = 256
RETRY_S = 1.0
TailState = Literal["waiting", "following", "rebuilding", "away", "full"]


class Tail:
    """One process's follower. Thread-safe."""

    def __init__(
        self,
        folder: Path,
        connect: Callable[[], Redis],
        rebuild: Callable[[Redis, Journal], object],
        *,
        state_interval_s: float = 60.0,
    ) -> None:
        """Plan it; `start` begins.

        Args:
            folder: Of the journal.
            connect: Gives a client of wherever Redis is now, made with `decode_responses=False`; may raise.
            rebuild: Puts the journal back into a Redis.
            state_interval_s: Time between two looks at the keys that are in no stream.
        """
        self._folder = folder
        self._connect = connect
        self._rebuild = rebuild
        self._state_interval_s = state_interval_s
        self.state: TailState = "waiting"
        self.rebuilds = 0
        self._position: Mark | None = None
        self._caught_up = time.monotonic()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self, timeout_s: float = 10.0) -> None:
        """Stop and wait for the thread; what came before is written first if Redis is there."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def position(self) -> Mark | None:
        """How far this process has followed; None while another one follows, or Redis is away."""
        return self._position

    @property
    def behind_s(self) -> float:
        """For how long at most the journal has been behind Redis; idle, up to the time of one blocking read."""
        return time.monotonic() - self._caught_up

    def _run(self) -> None:
        lock = PidLock(self._folder / "writer.lock")
        while not self._closed.is_set():
            try:
                if lock.acquire():
                    break
            except OSError:
                log.warning("the journal's folder cannot be used", exc_info=True)
            self._closed.wait(RETRY_S)
        else:
            return
        journal = Journal(self._folder)
        try:
            while not self._closed.is_set():
                try:
                    self._follow(journal)
                except StorageFull:
                    self._say("full", "the disk is full: the journal falls behind, Redis goes on")
                except Exception as error:  # Redis is away, or says something new: the thread must outlive it
                    self._say("away", f"the journal cannot follow Redis ({type(error).__name__})")
                self._position = None
                self._closed.wait(RETRY_S)
        finally:
            journal.close()
            lock.release()

    def _say(self, state: TailState, message: str) -> None:
        if self.state != state:
            log.warning(message)
        self.state = state

    def _follow(self, journal: Journal) -> None:
        client = self._connect()
        try:
            name, position = journal.name, journal.position()
            reader, looked = LiveReader(client), 0.0
            while True:
                if not client.hexists(JOURNALS, name):
                    self._welcome(client, journal, position)
                    continue
                self.state = "following"
                position = self._step(client, journal, reader, position)
                self._position = position
                if self._closed.is_set():
                    return
                if time.monotonic() - looked > self._state_interval_s:
                    state = [item for piece in state_items(client) for item in piece]
                    if client.hexists(JOURNALS, name):  # else it was read from a Redis that had just been emptied
                        journal.write_state(state)
                    looked = time.monotonic()
        finally:
            client.close()

    def _welcome(self, client: Redis, journal: Journal, position: Mark) -> None:
        """Meet a Redis that does not know this journal: a new one of either, or one that lost its data."""
        if position != Mark("0-0", "0-0"):
            self.state, self._position = "rebuilding", None
            log.warning("Redis lost its data, or is another one: the journal is put back")
            self._rebuild(client, journal)
            self.rebuilds += 1
        client.hset(JOURNALS, journal.name, f"{time.time():.0f}")

    def _step(self, client: Redis, journal: Journal, reader: LiveReader, position: Mark) -> Mark:
        """Wait for what is new and write it."""
        block = 1 if self._closed.is_set() else BLOCK_MS
        reply: Any = client.xread(
            {keys.ANSWERS: position.answers, keys.FEEDBACK: position.feedback}, count=BATCH, block=block
        )
        found = dict(reply.items() if isinstance(reply, dict) else reply or ())
        pieces = {name.decode(): _flat(entries) for name, entries in found.items()}
        answers, entries = pieces.get(keys.ANSWERS, []), pieces.get(keys.FEEDBACK, [])
        caught_up = time.monotonic() if max(len(answers), len(entries)) < BATCH else self._caught_up
        if not answers and not entries:
            self._caught_up = caught_up
            return position
        after = Mark(
            answers[-1][0].decode() if answers else position.answers,
            entries[-1][0].decode() if entries else position.feedback,
        )

        def compose(fresh: bool) -> list[Item]:
            if fresh:
                reader.forget()
            given = reader.answers([(entry_id.decode(), fields[b"a"].decode()) for entry_id, fields in answers])
            # Read again under the journal's lock: what was erased since must not come behind the erasure.
            said: Any = client.xrange(keys.FEEDBACK, entries[0][0], entries[-1][0]) if entries else ()
            return [*given, *(entry_item(*one) for one in said), after]

        try:
            journal.append(compose)
        except BaseException:
            reader.forget()  # what was composed is not on disk
            raise
        self._caught_up = caught_up
        return after


def lag_s(client: Redis, position: Mark) -> float:
    """Give the age of the oldest thing in Redis that the journal does not hold, 0 when it holds everything.

    Args:
        client: Redis.
        position: How far the journal is.

    Returns:
        Seconds, by Redis's clock.
    """
    time_parts: Any = client.time()
    now_ms = time_parts[0] * 1000 + time_parts[1] // 1000
    oldest: int = now_ms
    for name, at in ((keys.ANSWERS, position.answers), (keys.FEEDBACK, position.feedback)):
        waiting: Any = client.xrange(name, f"({at}" if at != "0-0" else "-", "+", count=1)
        if waiting:
            oldest = min(oldest, key_of(waiting[0][0].decode())[0])
    return max(0, int(now_ms) - oldest) / 1000


def _flat(entries: Any) -> list[Any]:
    """RESP3 gives a list of lists of entries, RESP2 a list of entries."""
    if entries and entries[0] and isinstance(entries[0][0], list | tuple):
        return [entry for group in entries for entry in group]
    return list(entries)
