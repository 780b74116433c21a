"""What a training job is asked to do: `job.json` in its directory.

JOB/
  job.json        what to do (this module)
  state.json      where it stands (`state.py`)
  snapshot/       the records, copied and hashed before anything else
  data.json       every count and every reason for leaving a record out; data.md for people
  people.json     what became of each record and each voter (`training/datasets/people.py`); for no version
  reward/ judge/  the reward model for training, and the independent one of the gate
  update/         metrics.jsonl, plots, checkpoints
  adapter/        what was learned
  verdict.json    check by check
  changes.jsonl   answers of the judged candidate that differ from the champion's (`changes.py`); for no version
  metrics.jsonl   curves of the other stages, for people who watch (`series.py`)
  result.json     how it ended; present exactly when it has
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from retrieval.durable import make_directory, write_file_atomic
from training.datasets.focus import Focus

FORMAT = 1
JOB, DATA, PEOPLE, VERSION = "job.json", "data.json", "people.json", "version.json"
PolicyKind = Literal["extractive", "causal"]
METHODS = ("auto", "sft", "kto", "dpo", "ppo")
_SECTIONS = ("dataset", "reward", "update", "ppo", "gate")


class BadJob(ValueError):
    """The job cannot be done as it is written; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Job:
    """One training job. Paths are absolute."""

    records: Path  # records.jsonl, or TRL's pairs or labelled completions
    registry: Path
    policy: PolicyKind = "extractive"
    model: str = ""  # causal: name or folder of the base model
    encoder: str = "all-MiniLM-L6-v2"  # extractive, and the features of the reward model
    start: Literal["shipped", "similarity"] = "shipped"  # extractive: the base
    device: str = "auto"  # of a causal model: a torch device
    method: str = "auto"  # or several of sft, kto, dpo, ppo, separated by commas
    seed: int = 0
    min_judgements: int = 200  # with fewer the job waits and says so
    now: float = 0.0  # seconds since the epoch: what the age of a judgement is measured against
    served: Path | None = None  # a sample of what was served, judged or not: who votes is not who reads
    golden: Path | None = None  # the operator's golden set, a veto of the gate
    cache: Path | None = None  # where converted encoders are kept between jobs
    scope: str = "shared"  # whom it is for: shared, segment:<name> or collection:<id>
    shared: Path | None = None  # the registry whose champion serves a scope that has none of its own
    options: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict
    )  # by stage: dataset, reward, update, ppo, gate

    @property
    def focus(self) -> Focus | None:
        """The segment or collection it is for; None for everybody."""
        return Focus.of(self.scope)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods asked for; ("auto",) leaves the choice to the data."""
        return tuple(part.strip() for part in self.method.split(","))

    def option(self, stage: str) -> dict[str, Any]:
        """Give what was set for a stage, by field name of its configuration."""
        return dict(self.options.get(stage, {}))


def write_job(directory: Path, job: Job) -> None:
    """Write `job.json` of a new job.

    Args:
        directory: The job's directory; made when absent.
        job: What to do.

    Raises:
        BadJob: It cannot be done, or the directory holds a job already.
        StorageFull: The disk is full.
    """
    _check(job)
    if (directory / JOB).exists():
        raise BadJob(f"{directory} holds a job already: resume it, or give a new directory")
    make_directory(directory)
    content = {"format": FORMAT, **asdict(job)}
    write_file_atomic(directory / JOB, json.dumps(content, indent=2, default=str).encode(), mode=0o600)


def read_job(directory: Path) -> Job:
    """Read `job.json`.

    Args:
        directory: The job's directory.

    Returns:
        What to do.

    Raises:
        BadJob: There is none, or it does not say what to do.
    """
    try:
        content = json.loads((directory / JOB).read_text())
    except FileNotFoundError as error:
        raise BadJob(f"{directory} has no {JOB}: give the directory of a training job") from error
    except ValueError as error:
        raise BadJob(f"{directory / JOB} is not JSON: {error}") from error
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise BadJob(f"{directory / JOB} is not a job of format {FORMAT}")
    unknown = content.keys() - {one.name for one in fields(Job)}
    if unknown or not {"records", "registry"} <= content.keys():
        raise BadJob(f"{directory / JOB} needs records and registry, and does not know {sorted(unknown) or 'nothing'}")
    job = Job(**content)
    job = replace(
        job,
        records=Path(job.records),
        registry=Path(job.registry),
        served=Path(job.served) if job.served else None,
        golden=Path(job.golden) if job.golden else None,
        cache=Path(job.cache) if job.cache else None,
        shared=Path(job.shared) if job.shared else None,
    )
    _check(job)
    return job


def job_id(directory: Path) -> str:
    """Name the job of a directory as no other is named, also where two folders bear one name and share a registry."""
    return f"{directory.name}-{hashlib.sha256((directory / JOB).read_bytes()).hexdigest()[:12]}"


def _check(job: Job) -> None:
    if job.policy not in get_args(PolicyKind):
        raise BadJob(f"a policy is {' or '.join(get_args(PolicyKind))}, not {job.policy!r}")
    if job.start not in ("shipped", "similarity"):
        raise BadJob(f"a start is shipped or similarity, not {job.start!r}")
    if job.policy == "causal" and not job.model:
        raise BadJob("the causal policy needs the name or the folder of a model")
    unknown = [method for method in job.methods if method not in METHODS]
    if unknown or ("auto" in job.methods and len(job.methods) > 1):
        raise BadJob(
            f"a method is one of {', '.join(METHODS)}, or several joined by commas without auto: {job.method!r}"
        )
    if len(job.methods) > len(set(job.methods)) or ("ppo" in job.methods and len(job.methods) > 1):
        raise BadJob(f"a method is named once, and ppo stands alone: {job.method!r}")
    if strange := job.options.keys() - set(_SECTIONS):
        raise BadJob(f"options are for {', '.join(_SECTIONS)}, not for {sorted(strange)}")
    if not (isinstance(job.seed, int) and job.seed >= 0):
        raise BadJob(f"a seed is a number from 0, not {job.seed!r}")
    try:
        Focus.of(job.scope)
    except ValueError as error:
        raise BadJob(str(error)) from error
    for stage, options in job.options.items():
        if not isinstance(options, Mapping):
            raise BadJob(f"[{stage}] is a table of options by name, not {options!r}")
