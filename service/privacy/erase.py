"""Erases a person: everything they asked, were answered and said, wherever this installation keeps it.

In this order, each step harmless when it is done again, so that whoever takes over from a killed process begins anew:

answers    out of Redis, with all judgements of them; and everything the person said about others' answers
training   cycles that hold any of it are stopped, their folders deleted
archive    once more out of Redis, where it may have been moved back to; the Parquet files and the journal
keys       whatever else is kept under the person's name
passages   that nothing shows any more
versions   that learned from it are marked; they serve until the next cycle replaces them, which begins where it can
file       the name leaves the row of the erasure; Redis's append-only file is rewritten, with `now` at once, else
           within a day (`retention.py`)

What stays: the consent, by pseudonym, so that a no stays a no; and the row of the erasure with its counts.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import redis

from retrieval.errors import StorageFull
from service.archive.folder import ArchiveDamaged
from service.archive.move import LOCK as ARCHIVING
from service.archive.places import erase_from_archive, open_archive, open_journal
from service.archive.state import state_items
from service.cycles import store as cycles
from service.cycles.cycle import Cycle
from service.feedback import keys as feedback
from service.privacy import erasure as rows
from service.privacy import keys
from service.privacy.erasure import Erasure
from service.privacy.forget import forget_answers, forget_judgements, note_gone, now_ms, stream_entries
from service.privacy.learned import datasets_in, datasets_with, jobs_with, mark_versions, remove_job, remove_leftovers
from service.privacy.passages import drop_unshown
from service.privacy.retrain import retrain
from service.privacy.rewrite import NotRewritten, rewrite
from service.redis.blocking import connect
from service.redis.calls import ask
from service.settings import Settings
from service.voters import keys as voters
from training.pipeline.state import alive, read_state

STOPPING_S = 30.0  # for a cycle to end that was asked to
ARCHIVING_S = 30.0  # for the archive to come to the end of a batch
ARCHIVE_LOCK_MS = 10 * 60 * 1000
PAUSE_S, LONGEST_PAUSE_S = 5.0, 600.0
POLL_S = 0.2
log = logging.getLogger(__name__)


class NotYet(Exception):
    """Something has to happen first; the message says what."""


class TakenAway(Exception):
    """Another process does this erasure now."""


def erase_due(settings: Settings) -> int:
    """Do every erasure that waits or was left by a killed process. Safe when doubled.

    Args:
        settings: Where everything is.

    Returns:
        How many were done.

    Raises:
        redis.RedisError: Redis is away; it goes on where it can be reached again.
        LookupError: No Redis is known.
    """
    with connect(settings) as client:
        found: Any = client.smembers(keys.UNFINISHED)
        return sum(_erase_one(settings, client, name.decode()) for name in sorted(found))


def _erase_one(settings: Settings, client: redis.Redis, name: str) -> bool:
    claimed = ask(client, rows.claim(name))
    if claimed is None:
        return False
    work = _Work(settings, client, claimed)
    try:
        work.run()
    except TakenAway:
        return False
    except (NotYet, NotRewritten, StorageFull, ArchiveDamaged) as error:
        pause_s = min(LONGEST_PAUSE_S, PAUSE_S * 2 ** min(claimed.attempts - 1, 10))
        ask(client, rows.put_off(claimed, str(error), pause_s))
        log.info("an erasure waits", extra={"erasure": name, "reason": str(error)})
        return False
    if not ask(client, rows.finish(claimed)):
        return False
    log.info("erased", extra={"erasure": name, "by": claimed.by, **work.counts})
    return True


class _Work:
    """One attempt at one erasure. One thread."""

    def __init__(self, settings: Settings, client: redis.Redis, erasure: Erasure) -> None:
        self._settings = settings
        self._client = client
        self._erasure = erasure
        self._user = erasure.user
        self._datasets = set(erasure.datasets)
        self.counts = Counter(erasure.counts)  # those of an earlier attempt go on

    def run(self) -> None:
        """Do all of it; where an earlier attempt has forgotten the name already, only the rest."""
        if self._user:
            self._tell(step="answers")
            self._forget()
            self._tell(step="training")
            self._forget_training()
            self._tell(step="archive")
            self._forget_archive()
            self._tell(step="keys")
            self._forget_keys()
            self._tell(step="passages")
            self.counts["passages"] += drop_unshown(self._client)
            self._tell(step="versions")
            self._mark()
        self._tell(step="file")
        self._forget_name()
        if self._erasure.now and rewrite(self._client, self._alive):
            self._tell(rewritten_at=str(now_ms(self._client)))

    def _forget(self) -> None:
        """Take answers and judgements out of Redis."""
        listed = feedback.user_answers(self._user)
        while found := _all(self._client.lrange(listed, 0, -1)):
            names = [name.decode() for name in found]
            gone = forget_answers(self._client, stream_entries(self._client, names), "erased")
            self.counts += Counter(answers=gone.answers, judgements=gone.judgements, prompts=gone.prompts)
            for name in names:
                self._client.lrem(listed, 1, name)  # it may name an answer that was gone before
            self._alive()
        self.counts["judgements"] += forget_judgements(self._client, self._user)

    def _forget_training(self) -> None:
        """Delete the folders of jobs that hold anything, once nothing runs in them."""
        training = self._settings.home / "training"
        remove_leftovers(training)
        stopped: dict[str, Cycle] = {}
        self._datasets |= datasets_with(self._client, self._user)
        taking = [one for one in self._unfinished() if not (training / one.id / "job.json").exists() and one.lease]
        for job in {*jobs_with(training, self._user), *(training / one.id for one in taking)}:
            self._datasets |= datasets_in(job)
            if (cycle := self._stop(job)) is not None:
                stopped[cycle.id] = cycle
            # Noted before the folder goes: whoever takes over could not find them any more.
            self._tell(datasets=sorted(self._datasets), cycles=sorted({*self._erasure.cycles, *stopped}))
            if job.is_dir():
                remove_job(self._client, job)
                self.counts["jobs"] += 1
        for cycle in stopped.values():
            reason = "the cycle before was stopped, because data it had were erased"
            ask(self._client, cycles.create(cycle.scope, cycle.trigger, reason=reason))

    def _unfinished(self) -> Sequence[Cycle]:
        return ask(self._client, cycles.unfinished()).cycles

    def _stop(self, job: Path) -> Cycle | None:
        """See to it that nothing runs in a job's folder; gives the cycle that was stopped for it."""
        cycle = ask(self._client, cycles.get(job.name))
        if cycle is None:
            state = read_state(job)
            if state is not None and alive(state):
                raise NotYet(f"the training job {job.name} runs: it must end, or be stopped, first")
            return None
        if cycle.finished:
            return None
        ask(self._client, cycles.request_cancel(job.name, "data it learns from are erased"))
        deadline = time.monotonic() + STOPPING_S
        while (now := ask(self._client, cycles.get(job.name))) is not None and not now.finished and now.lease:
            if time.monotonic() > deadline:
                raise NotYet(f"the cycle {job.name} is still being stopped")
            self._alive()
            time.sleep(POLL_S)
        return cycle

    def _forget_archive(self) -> None:
        """Take it out of the archive and the journal while nothing is moved from Redis to there."""
        with self._archiving():
            self._forget()
            with closing(open_archive(self._settings)) as there:
                note_gone(self._client, there.index.answers_of_user(self._user), "erased")
            gone = erase_from_archive(self._settings, self._user)
        self.counts += Counter(archived=gone.answers + gone.judgements)

    @contextmanager
    def _archiving(self) -> Iterator[None]:
        # By the erasure's id: whoever takes over from a killed process has its lock too.
        token, deadline = self._erasure.id.encode(), time.monotonic() + ARCHIVING_S
        while not self._client.set(ARCHIVING, token, nx=True, px=ARCHIVE_LOCK_MS):
            if self._client.get(ARCHIVING) == token:
                self._client.pexpire(ARCHIVING, ARCHIVE_LOCK_MS)
                break
            if time.monotonic() > deadline:
                raise NotYet("old answers are being moved to the archive")
            self._alive()
            time.sleep(POLL_S)
        try:
            yield
        finally:
            if self._client.get(ARCHIVING) == token:
                self._client.delete(ARCHIVING)

    def _forget_keys(self) -> None:
        """Delete what else is kept under the name."""
        user = self._user
        self._client.delete(feedback.user_answers(user), feedback.voter(user), feedback.rate(user))
        for name in self._client.scan_iter(match=feedback.once(_literally(user), "*"), count=500):
            self._client.delete(name)
        self._client.zrem(voters.VOTERS, user)
        self._client.hdel(voters.EXCLUDED, user)
        self._client.hdel(voters.JUDGED, user)

    def _mark(self) -> None:
        versions, new = mark_versions(self._settings.home / "registry", self._datasets)
        self._tell(versions=sorted({*self._erasure.versions, *versions}))
        retrain(self._settings, new)

    def _forget_name(self) -> None:
        """Forget whom this is about, then note that Redis's file still knows."""
        self._client.hdel(keys.erasure(self._erasure.id), "user")
        journal = open_journal(self._settings)
        if journal.read_state():
            journal.write_state([item for piece in state_items(self._client) for item in piece])
        self._client.set(keys.REWRITE, now_ms(self._client), nx=True)

    def _alive(self) -> None:
        self._tell()

    def _tell(self, **told: Any) -> None:
        if not ask(self._client, rows.tell(self._erasure, counts=dict(self.counts), **told)):
            raise TakenAway


def _literally(name: str) -> str:
    """Give a glob that matches nothing but this."""
    return "".join(f"\\{char}" if char in "*?[]^-\\" else char for char in name)


def _all(reply: Any) -> list[bytes]:
    return list(reply)
