"""One attempt at a cycle, by who has claimed it: snapshot, job, process, and what is to be said of its end.

However it ends, one of these is true when it returns: the row says how the cycle ended; it waits for its next attempt;
or it belongs to somebody else. Nothing of ours is left running, and nothing of an older attempt can still be published.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import redis
from redis.exceptions import RedisError, ResponseError

from retrieval.errors import StorageFull
from service.cycles import store
from service.cycles.cycle import Cycle, Ended
from service.cycles.fates import record_fates
from service.cycles.guard import Limits, Outcome, watch
from service.cycles.heart import Heart
from service.cycles.job import NothingToLearn, directory_of, prepare
from service.cycles.telling import findings_of, progress_of, state_of, version_of
from service.jobs.spawned import spawn
from service.pidlock import PidLock
from service.redis.calls import ask
from service.scopes import Scope, registry_folder, registry_kind
from service.settings import Settings
from service.versions.announce import Announcement, announce
from training.pipeline.job import JOB, BadJob, job_id
from training.pipeline.state import STATE, JobState
from training.registry.aliases import CANDIDATE
from training.registry.errors import StaleWriter
from training.registry.fences import Fence
from training.registry.registry import Registry

LOG = "log.txt"
OVER = ("candidate", "refused", "waiting", "failed")  # of a job; nothing is left to do
BAD_JOB, STOPPED = 2, 75  # exit statuses of training.run
PAUSE_S = 5.0  # times the number of attempts: what broke may need a moment
FULL_PAUSE_S = 60.0
log = logging.getLogger(__name__)


def command(directory: Path, token: int) -> list[str]:
    """Give the command that runs a job and ends with this process."""
    return [
        sys.executable,
        "-m",
        "service.cycles.child",
        str(directory),
        "--token",
        str(token),
        "--parent-pid",
        str(os.getpid()),
    ]


@dataclass
class Attempt:
    """One attempt. For one thread."""

    settings: Settings
    client: redis.Redis
    cycle: Cycle  # as claimed: with our token
    lock: PidLock  # of our slot; handed to the process
    environment: dict[str, str] = field(default_factory=dict)  # of the process: threads, device
    stopping: Callable[[], bool] = lambda: False
    command: Callable[[Path, int], Sequence[str]] = command
    spawned: Callable[[int], None] = lambda pid: None  # told which process it is

    def run(self) -> str:
        """Do it.

        Returns:
            The state of the cycle's row afterwards, `retrying` or `lost`.
        """
        directory = directory_of(self.settings, self.cycle.id)
        heart = Heart(
            self.client,
            self.cycle.id,
            self.cycle.token,
            self.settings.train_lease_s,
            lambda: {"directory": str(directory), **progress_of(directory)},
        )
        with heart:
            try:
                return self._run(directory, heart)
            except NothingToLearn as error:
                return self._finish("refused", str(error), directory)
            except BadJob as error:
                return self._finish("failed", str(error), directory)
            except StaleWriter:
                return "lost"
            except (RedisError, StorageFull) as error:  # nothing that the cycle could help: it is not one of its tries
                return self._again(f"{type(error).__name__}: {error}", directory, pause_s=FULL_PAUSE_S, counts=False)
            except Exception as error:
                log.exception("an attempt at %s failed", self.cycle.id)
                return self._again(f"{type(error).__name__}: {error}", directory)

    def _run(self, directory: Path, heart: Heart) -> str:
        self._fence(directory)  # before anything is said of an older attempt's end
        before = state_of(directory)
        if before is not None and before.status in OVER:  # Redis was away when it ended
            return self._told(before, directory)
        if self.cycle.cancel:
            return self._finish("cancelled", self.cycle.cancel, directory)
        if self.cycle.attempts > self.settings.train_attempts:
            tried = f"given up after {self.settings.train_attempts} attempts"
            return self._finish("failed", f"{tried}; the last: {self.cycle.reason}", directory)
        prepare(self.settings, self.cycle)
        self._fence(directory)
        heart.beat()
        if heart.word == "lost":
            return "lost"
        began = None if before is None else before.beat_at
        return self._conclude(self._watched(directory, heart), directory, began)

    def _watched(self, directory: Path, heart: Heart) -> Outcome:
        threads = str(self.settings.train_threads)
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = {
            "GROUNDLOOP_HOME": str(self.settings.home),
            "TOKENIZERS_PARALLELISM": "false",
            **dict.fromkeys(names, threads),
            **self.environment,
        }
        descriptor = self.lock.descriptor
        keep = () if descriptor is None else (descriptor,)
        limits = Limits(self.settings.train_silence_s, self.settings.train_wall_s, self.settings.train_memory_bytes)
        run = self.command(directory, self.cycle.token)
        with spawn(run, environment, log=directory / LOG, keep=keep) as process:
            self.lock.hand_over(process.pid)
            self.spawned(process.pid)
            log.info("cycle %s for %s: process %d", self.cycle.id, self.cycle.scope, process.pid)
            return watch(process, directory / STATE, limits, heard=lambda: heart.word, stopping=self.stopping)

    def _conclude(self, outcome: Outcome, directory: Path, began: float | None) -> str:
        if outcome.word == "lost":
            return "lost"
        state = state_of(directory)
        if state is not None and state.status in OVER:  # it said how it ended, whatever happened to it then
            return self._told(state, directory)
        if outcome.word == "cancelled":
            now = ask(self.client, store.get(self.cycle.id))
            return self._finish("cancelled", now.cancel if now is not None else "", directory)
        if outcome.word in ("late", "large"):
            return self._finish("failed", f"stopped for good: {outcome.why}", directory)
        if outcome.word == "silent":
            return self._again(f"killed: {outcome.why}", directory)
        if outcome.word == "stopped":
            why = outcome.why or "its worker stops; it goes on from its checkpoint"
            return self._again(why, directory, pause_s=0.0, counts=False)
        if outcome.status == BAD_JOB:
            return self._finish("failed", _last_line(directory / LOG), directory)
        fresh = state is not None and state.beat_at != began
        if outcome.status == STOPPED and fresh and state is not None:
            return self._again(state.reason, directory, pause_s=FULL_PAUSE_S, counts=False)
        return self._again(f"its process {_died(outcome.status)}", directory)

    def _told(self, state: JobState, directory: Path) -> str:
        ended: Ended = "refused" if state.status == "waiting" else state.status  # type: ignore[assignment]
        return self._finish(ended, state.reason, directory, version=state.version or "")

    def _fence(self, directory: Path) -> None:
        """Shut out what older attempts bring. Before the job was written none could bring anything."""
        if (directory / JOB).exists():
            self._registry().fence(Fence(job_id(directory), self.cycle.token))

    def _registry(self) -> Registry:
        folder = registry_folder(self.settings, Scope.parse(self.cycle.scope))
        return Registry(folder, kind=registry_kind(self.settings))

    def _finish(self, state: Ended, reason: str, directory: Path, version: str = "") -> str:
        if state in ("cancelled", "failed"):
            self._withdraw(directory)
        else:
            self._note_fates(directory)  # before the end is told: whoever is told may look
        told = store.finish(self.cycle.id, self.cycle.token, state, reason, version=version, **findings_of(directory))
        if not ask(self.client, told):
            return "lost"
        log.info("cycle %s: %s: %s", self.cycle.id, state, reason)
        if version:
            self._announce(version)
        return state

    def _note_fates(self, directory: Path) -> None:
        """Note what became of each judgement. What Redis does not take as it is must not cost the version."""
        try:
            record_fates(self.client, self.cycle.id, directory)
        except ResponseError:
            log.exception("what became of the judgements of %s was not noted", self.cycle.id)

    def _withdraw(self, directory: Path) -> None:
        """Take back the candidate of a job that is not to have one: it was ended between publishing and saying so."""
        published = version_of(directory)
        registry = self._registry()
        if published and registry.alias(CANDIDATE) == published:
            fence = Fence(job_id(directory), self.cycle.token)
            registry.assign(CANDIDATE, None, who="training", why="its cycle was ended", fence=fence)

    def _announce(self, version: str) -> None:
        try:
            aliases = self._registry().aliases()
            if aliases.others.get(CANDIDATE) == version:
                announce(self.client, Announcement(self.cycle.scope, CANDIDATE, version, aliases.sequence))
        except (RedisError, OSError):
            log.warning("a candidate was not announced; those who serve look for themselves", exc_info=True)

    def _again(self, reason: str, directory: Path, *, pause_s: float | None = None, counts: bool = True) -> str:
        if counts and self.cycle.attempts >= self.settings.train_attempts:
            tried = f"given up after {self.cycle.attempts} attempts"
            return self._finish("failed", f"{tried}; the last: {reason}", directory)
        pause = PAUSE_S * self.cycle.attempts if pause_s is None else pause_s
        told = store.release(self.cycle.id, self.cycle.token, reason, pause_s=pause, counts=counts)
        if not ask(self.client, told):
            return "lost"
        log.warning("cycle %s is tried again: %s", self.cycle.id, reason)
        return "retrying"


def _died(status: int) -> str:
    return f"was killed by signal {-status}" if status < 0 else f"left with exit status {status}"


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1].partition("ERROR training.run: ")[2] or lines[-1] if lines else "the job makes no sense"
