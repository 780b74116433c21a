"""What a worker does with a wake-up: take a place, claim the oldest cycle that waits, and see it through.

Any number of wake-ups may come, at once and late: a wake-up too many finds no free place or no cycle, and that is all.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from retrieval.durable import write_file_atomic
from service.cycles import attempt, store
from service.cycles.attempt import Attempt
from service.cycles.cycle import Cycle
from service.jobs.slots import places, slot_lock
from service.pidlock import PidLock
from service.redis.blocking import connect
from service.redis.calls import ask
from service.settings import Settings

WORK = "train"
EVICT_S = 10.0
log = logging.getLogger(__name__)
Commands = Callable[[Path, int], Sequence[str]]


def train(
    settings: Settings, *, stopping: Callable[[], bool] = lambda: False, command: Commands = attempt.command
) -> str:
    """Do one cycle, if one waits and there is room.

    Args:
        settings: Where everything is, and how to train.
        stopping: Tells whether we are to leave: the process stops at its next checkpoint, and the cycle is given back.
        command: Gives the command that runs a job.

    Returns:
        `busy` where every place is taken, `nothing` where no cycle waits, else what became of it: a final state,
        `retrying` or `lost`.

    Raises:
        redis.exceptions.RedisError: Redis does not answer; whatever was claimed comes back with its lease.
    """
    with connect(settings) as client, _place(settings, client) as (slot, lock):
        if lock is None:
            return "busy"
        cycle = _claimed(client, settings)
        if cycle is None:
            return "nothing"
        _note(settings, slot, cycle, os.getpid())  # for those who find the place taken
        environment = {"CUDA_VISIBLE_DEVICES": settings.train_devices[slot]} if settings.train_devices else {}
        return Attempt(
            settings,
            client,
            cycle,
            lock,
            environment,
            stopping,
            command,
            spawned=lambda pid: _note(settings, slot, cycle, pid),
        ).run()


def _claimed(client: redis.Redis, settings: Settings) -> Cycle | None:
    by = f"{socket.gethostname()}:{os.getpid()}"
    for cycle in ask(client, store.unfinished()).cycles:
        if cycle.claimable and ask(client, store.claim(cycle.id, by, settings.train_lease_s)) is not None:
            return ask(client, store.get(cycle.id))
    return None


@contextmanager
def _place(settings: Settings, client: redis.Redis) -> Iterator[tuple[int, PidLock | None]]:
    for slot in range(places(settings)):
        lock = slot_lock(settings.home, slot, WORK)
        if lock.acquire() or (_evict(settings, slot, client) and lock.acquire(EVICT_S)):
            _notes(settings, slot).unlink(missing_ok=True)  # of one that was killed
            try:
                yield slot, lock
            finally:
                _notes(settings, slot).unlink(missing_ok=True)
                lock.release()  # nothing, where the process has it
            return
    yield 0, None


def _note(settings: Settings, slot: int, cycle: Cycle, pid: int) -> None:
    told = {"cycle": cycle.id, "token": cycle.token, "host": socket.gethostname(), "pid": pid}
    write_file_atomic(_notes(settings, slot), json.dumps(told).encode())


def _notes(settings: Settings, slot: int) -> Path:
    return settings.home / "run" / f"{WORK}-{slot}.json"


def _evict(settings: Settings, slot: int, client: redis.Redis) -> bool:
    """Kill who holds a place for a cycle that was taken away: it was paused, perhaps, and will not notice by itself."""
    try:
        told: dict[str, Any] = json.loads(_notes(settings, slot).read_text())
    except (FileNotFoundError, ValueError):
        return False
    cycle = ask(client, store.get(told["cycle"]))
    taken = cycle is not None and (cycle.token > told["token"] or cycle.retrying)
    pid = slot_lock(settings.home, slot, WORK).holder()
    # Only the one that was noted: another one may have taken the place since we read.
    if not taken or pid is None or (pid, socket.gethostname()) != (told["pid"], told["host"]) or pid == os.getpid():
        return False
    log.warning("process %d is at cycle %s, which was taken away from it: killed", pid, told["cycle"])
    with contextlib.suppress(ProcessLookupError):
        # The trainer leads a group; until it is there a process of a worker's pool holds the place, in the worker's.
        (os.killpg if os.getpgid(pid) == pid else os.kill)(pid, signal.SIGKILL)
    return True
