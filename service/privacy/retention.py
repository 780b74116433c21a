"""Deletes what has outlived its time: answers with what was said about them, job folders, and what Redis's file still
holds of what was deleted.

One look does a bounded amount, the next one goes on; two at once do no harm. Ages are counted by Redis's clock, those
of folders without a cycle by their files' times.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import redis

from service.archive.places import drop_before
from service.cycles import store as cycles
from service.feedback import keys as feedback
from service.privacy import keys
from service.privacy.forget import PIECE, forget_answers, now_ms
from service.privacy.learned import remove_job, remove_leftovers
from service.privacy.passages import drop_unshown
from service.privacy.rewrite import NotRewritten, rewrite
from service.redis.blocking import connect
from service.redis.calls import Call, ask, script
from service.settings import Settings
from training.pipeline.state import alive, read_state

DAY_S = 86_400.0
ANSWERS_A_LOOK = 20_000
JOBS_A_LOOK = 20
LOOK_MS = 30 * 60 * 1000  # a look that takes longer may be doubled, which is harmless
REWRITE_AFTER_S = 12 * 3600.0  # what is erased is to be gone within a day


@dataclass(frozen=True, slots=True)
class Retained:
    """What a look deleted."""

    answers: int = 0
    judgements: int = 0
    archived: int = 0  # answers and judgements in the archive
    passages: int = 0
    jobs: int = 0
    rewritten: bool = False
    finished: bool = True  # False: there is more, or another look goes on

    def as_dict(self) -> dict[str, Any]:
        """Give it as data."""
        return asdict(self)


def retain(settings: Settings) -> Retained:
    """Delete what has outlived its time, if it is time to look.

    Args:
        settings: Say what is kept for how long, and how often to look.

    Returns:
        What was deleted.

    Raises:
        LookupError: No Redis is known.
        redis.RedisError: Redis is away; the next look goes on.
        StorageFull: The disk is full, so the archive cannot be rewritten.
    """
    with connect(settings) as client, _look(client, settings.retention_interval_s) as look:
        if not look.at_ms:
            return Retained(finished=False)
        answers = judgements = archived = 0
        if settings.retention_days is not None:
            before_s = look.at_ms / 1000 - settings.retention_days * DAY_S
            answers, judgements = _retire(client, before_s)
            if answers < ANSWERS_A_LOOK:
                gone = drop_before(settings, before_s)
                archived = gone.answers + gone.judgements
            if answers or archived:
                client.set(keys.REWRITE, look.at_ms, nx=True)
        jobs = _old_jobs(settings, client, look.at_ms)
        passages = drop_unshown(client)
        look.finished = answers < ANSWERS_A_LOOK and jobs < JOBS_A_LOOK
        return Retained(answers, judgements, archived, passages, jobs, rewrite_due(client), look.finished)


def rewrite_due(client: redis.Redis, after_s: float = REWRITE_AFTER_S) -> bool:
    """Rewrite Redis's file if something was deleted so long ago and it was not rewritten since.

    Args:
        client: To Redis.
        after_s: Rewriting costs as much for one erasure as for many, so they wait for each other.

    Returns:
        Whether it was rewritten. Where that fails the next look tries again.
    """
    since, began = client.get(keys.REWRITE), now_ms(client)
    if since is None or began - int(since) < after_s * 1000:
        return False
    try:
        done = rewrite(client)
    except NotRewritten:
        return False
    if client.get(keys.REWRITE) == since:
        client.delete(keys.REWRITE)
    if done:
        client.set(keys.REWRITTEN, began)
    return done


def _retire(client: redis.Redis, before_s: float) -> tuple[int, int]:
    """Take old answers out of Redis; gives how many, and how many judgements with them."""
    answers = judgements = 0
    if before_s <= 0:
        return 0, 0
    while answers < ANSWERS_A_LOOK:
        found: Any = client.xrange(feedback.ANSWERS, "-", f"({int(before_s * 1000)}", count=PIECE)
        if not found:
            break
        old = [(fields[b"a"].decode(), entry_id.decode()) for entry_id, fields in found]
        gone = forget_answers(client, old, "retired")
        answers += gone.answers
        judgements += gone.judgements
    return answers, judgements


def _old_jobs(settings: Settings, client: redis.Redis, now: int) -> int:
    """Delete the folders of jobs that ended long ago; gives how many."""
    training = settings.home / "training"
    if not training.is_dir():
        return 0
    remove_leftovers(training)
    gone = 0
    for job in sorted(path for path in training.iterdir() if path.is_dir()):
        ended = _ended_s_ago(client, job, now)
        if ended is not None and ended > settings.training_keep_days * DAY_S:
            remove_job(client, job)
            gone += 1
            if gone == JOBS_A_LOOK:
                break
    return gone


def _ended_s_ago(client: redis.Redis, job: Path, now: int) -> float | None:
    """Give how long ago a job ended; None while it may still go on."""
    cycle = ask(client, cycles.get(job.name))
    if cycle is not None:
        return None if cycle.finished_at is None else now / 1000 - cycle.finished_at
    state = read_state(job)
    if state is not None and alive(state):
        return None
    newest = max((path.stat().st_mtime for path in job.iterdir()), default=job.stat().st_mtime)
    return time.time() - newest


@dataclass
class _Look:
    """One look; `at_ms` is 0 where it is not its time."""

    at_ms: int
    finished: bool = False


@contextmanager
def _look(client: redis.Redis, interval_s: float) -> Iterator[_Look]:
    me = secrets.token_hex(8)
    begin = Call(script("service.privacy", "retain"), [keys.RETAINED], [me, round(interval_s * 1000), LOOK_MS], int)
    look = _Look(ask(client, begin))
    try:
        yield look
    finally:
        ask(client, Call(script("service.privacy", "retained"), [keys.RETAINED], [me, int(look.finished)], int))
