"""A cycle on files: snapshot -> data -> reward models -> update -> retrieval -> gate -> version.

Every stage leaves its result in the job's directory, whole or not at all, and is skipped when it is there: a job that
was killed goes on with the first stage that was not finished, and the update with its last checkpoint.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from retrieval.durable import file_lock
from retrieval.errors import StorageFull
from training.gate.verdict import Verdict
from training.pipeline.job import BadJob, Job, job_id
from training.pipeline.state import JobState, Reporter, read_state
from training.pipeline.workspace import Waiting, Workspace
from training.policy.base import never
from training.registry.errors import StaleWriter
from training.registry.fences import Fence, highest
from training.registry.registry import Registry

LOCK = "lock"
_FENCE_S = 1.0
log = logging.getLogger(__name__)


def run_cycle(directory: Path, job: Job, *, stopped: Callable[[], bool] = never, token: int | None = None) -> JobState:
    """Run a job to its end, or go on with it. A job that another process is at is waited for.

    Args:
        directory: The job's directory.
        job: What to do.
        stopped: Asked between stages and steps; once true the job stops and can be resumed.
        token: Which attempt this is, where another one may be begun before this one is over: as soon as one is, this
            one stops, and publishes nothing.

    Returns:
        The state it ended in: candidate, refused, waiting, failed or stopped.
    """
    from training.updates.devices import Devices

    devices = Devices()
    fence = None if token is None else Fence(job_id(directory), token)
    if fence is not None:
        stopped = _outrun_or(stopped, job.registry, fence)
    if not devices.is_first:
        return _train_along(Workspace(directory, job, stopped=stopped, devices=devices))
    with file_lock(directory / LOCK):
        return _lead(Workspace(directory, job, stopped=stopped, devices=devices, fence=fence))


def _lead(work: Workspace) -> JobState:
    """Do the whole job; the other processes only train along."""
    from training.pipeline.options import check_options
    from training.updates.loop import Interrupted

    known = read_state(work.directory)
    if known is not None and known.status not in ("running", "stopped"):
        work.devices.from_first(False)
        return known
    reporter = Reporter(work.directory)
    work.progress = reporter.progress
    try:
        check_options(work.job)
        if work.fence is not None:
            Registry(work.job.registry, kind=work.job.policy).fence(work.fence)
        verdict, version = _stages(work, reporter)
        reporter.close("refused" if verdict.tier == "refused" else "candidate", verdict.summary, version)
    except Waiting as waiting:
        reporter.close("waiting", str(waiting))
    except Interrupted:
        reporter.close("stopped", "asked to stop; it can be resumed")
    except StaleWriter as error:
        reporter.close("stopped", str(error))  # no result: that is for the newer attempt to give
    except StorageFull as error:
        reporter.close("stopped", f"{error}; make room, and it can be resumed")
    except Exception as error:
        reason = _reason(error)
        if reason is None:
            log.exception("the job failed")
            reason = f"{type(error).__name__}: {error}"
        reporter.close("failed", reason)
    finally:
        work.call_others(train=False)
        work.close()
    return reporter.state


def _outrun_or(stopped: Callable[[], bool], registry: Path, fence: Fence) -> Callable[[], bool]:
    """Ask also whether a newer attempt has begun: one that was paused for an hour need not train to its end."""
    asked, over = 0.0, False

    def outrun() -> bool:
        nonlocal asked, over
        if not over and time.monotonic() - asked >= _FENCE_S:
            asked = time.monotonic()
            over = highest(registry, fence.job) > fence.token
            if over:
                log.warning("a newer attempt at %s has begun: this one stops", fence.job)
        return over or stopped()

    return outrun


def _train_along(work: Workspace) -> JobState:
    """Do this process's share of the training when the first one says so; it alone writes and judges."""
    from training.pipeline.making import train_together
    from training.updates.loop import Interrupted

    try:
        if work.devices.from_first(False):
            train_together(work)
    except Interrupted:
        return JobState("stopped", os.getpid(), time.time(), reason="asked to stop")
    except Waiting:
        log.info("the first process says what is missing")
    finally:
        work.close()
    return JobState("running", os.getpid(), time.time(), reason="the first process goes on alone")


def _stages(work: Workspace, reporter: Reporter) -> tuple[Verdict, str]:
    from training.pipeline import judging, making
    from training.updates.loop import Interrupted

    stages: tuple[tuple[str, Callable[[Workspace], str]], ...] = (
        ("snapshot", making.take_snapshot),
        ("data", making.describe_data),
        ("reward", making.train_rewards),
        ("update", making.update_policy),
        ("retrieval", making.update_retrieval),
        ("gate", judging.compare),
        ("whole window", judging.learn_from_all),
        ("retrieval gate", judging.check_retrieval),
        ("publish", judging.publish),
    )
    for name, stage in stages:
        if work.stopped():
            raise Interrupted
        reporter.begin(name)
        reporter.end(stage(work))
    return judging.final(work), judging.published(work)


def _reason(error: Exception) -> str | None:
    """Give the message of an error that says itself what would be right; None for a bug."""
    from training.evaluation.golden import GoldenError
    from training.records.errors import RecordsError
    from training.registry.errors import RegistryError
    from training.reward.errors import RewardError
    from training.updates.config import BadConfig
    from training.updates.loop import NothingToTrain

    expected = (BadJob, GoldenError, RecordsError, RegistryError, RewardError, BadConfig, NothingToTrain)
    return str(error) if isinstance(error, expected) else None
