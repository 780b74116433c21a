"""The training job of a cycle: its snapshot and `job.json`, made once, found again by every later attempt."""

from __future__ import annotations

from pathlib import Path

from retrieval.durable import write_file_atomic
from service.cycles.cycle import Cycle
from service.cycles.reading import told
from service.cycles.snapshot import PROMPTS, RECORDS, write_snapshot
from service.cycles.window import stage_options
from service.evaluation.golden import GOLDEN, golden_path, read_set, with_passages
from service.evaluation.runs import RunStore
from service.scopes import SHARED, Scope, registry_folder, registry_kind
from service.settings import Settings
from training.pipeline.job import JOB, BadJob, Job, write_job


class NothingToLearn(BadJob):
    """The snapshot holds no record."""


def directory_of(settings: Settings, cycle_id: str) -> Path:
    """Give the folder of a cycle's job."""
    return settings.home / "training" / cycle_id


def prepare(settings: Settings, cycle: Cycle) -> Path:
    """Take the snapshot and write the job, unless an earlier attempt has.

    Args:
        settings: How to train.
        cycle: What for.

    Returns:
        The job's directory.

    Raises:
        NothingToLearn: Nothing in the log may be learned from.
        BadJob: The job cannot be done as the settings have it; or another attempt wrote it just now.
        redis.exceptions.RedisError: Redis does not answer.
        StorageFull: The disk is full.
    """
    directory = directory_of(settings, cycle.id)
    if (directory / JOB).exists():
        return directory
    scope = Scope.parse(cycle.scope)
    snapshot = write_snapshot(settings, scope, directory)
    if not snapshot.records:
        raise NothingToLearn(f"nothing in the log may be learned from: {told(snapshot.left_out) or 'it is empty'}")
    job = Job(
        records=snapshot.files[RECORDS],
        registry=registry_folder(settings, scope),
        policy=registry_kind(settings),  # type: ignore[arg-type]  # write_job checks it
        model=(settings.remote_model or "") if settings.policy == "remote" else settings.causal_model,
        start=settings.extractive_start,
        device=settings.device,
        encoder=settings.embedding_model,
        method=settings.train_method,
        min_judgements=settings.train_min_judgements,
        now=snapshot.until,
        served=snapshot.files[PROMPTS],
        golden=_golden(settings, directory),
        cache=settings.encoder_cache or settings.home / "cache" / "encoders",
        scope=cycle.scope,
        shared=None if scope == SHARED else registry_folder(settings),
        options=stage_options(settings),
    )
    write_job(directory, job)
    return directory


def _golden(settings: Settings, directory: Path) -> Path | None:
    """Copy the golden set as it is now, with the passages that its last run found: the gate has no search, and the set
    may be replaced while the cycle runs. A file that cannot be read is left to the cycle to complain of.
    """
    golden = read_set(settings)
    if golden.problem:
        return golden_path(settings).absolute()
    if not golden.questions:
        return None
    found = RunStore.of(settings).found_passages(golden.sha256 or "")
    write_file_atomic(directory / GOLDEN, with_passages(golden.content, found), mode=0o600)
    return directory / GOLDEN
