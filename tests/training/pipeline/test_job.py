"""A job says what to do, and says so when it cannot be done."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from training.pipeline.job import BadJob, Job, read_job, write_job

JOB = Job(
    records=Path("/data/records.jsonl"),
    registry=Path("/home/registry"),
    method="kto, dpo",
    seed=3,
    now=1_700_000_000.0,
    golden=Path("/data/golden.jsonl"),
    options={"update": {"epochs": 2}},
)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write_job(tmp_path / "job", JOB)
    assert read_job(tmp_path / "job") == JOB
    assert JOB.methods == ("kto", "dpo")
    assert JOB.option("update") == {"epochs": 2}
    assert JOB.option("gate") == {}


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    write_job(tmp_path / "job", JOB)
    assert (tmp_path / "job" / "job.json").stat().st_mode & 0o077 == 0


def test_a_directory_holds_one_job(tmp_path: Path) -> None:
    write_job(tmp_path / "job", JOB)
    with pytest.raises(BadJob, match="holds a job already"):
        write_job(tmp_path / "job", replace(JOB, seed=4))
    assert read_job(tmp_path / "job").seed == 3


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"policy": "remote"}, "extractive or causal"),
        ({"policy": "causal"}, "name or the folder of a model"),
        ({"method": "grpo"}, "auto, sft, kto, dpo, ppo"),
        ({"method": "auto,dpo"}, "without auto"),
        ({"options": {"updates": {}}}, "not for ..updates"),
        ({"seed": -1}, "a number from 0"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(
    tmp_path: Path, wrong: dict[str, object], told: str
) -> None:
    with pytest.raises(BadJob, match=told):
        write_job(tmp_path / "job", replace(JOB, **wrong))  # type: ignore[arg-type]
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "has no job.json"),
        ("{", "is not JSON"),
        ("[]", "format 1"),
        (json.dumps({"format": 2, "records": "a", "registry": "b"}), "format 1"),
        (json.dumps({"format": 1, "records": "a"}), "needs records and registry"),
        (json.dumps({"format": 1, "records": "a", "registry": "b", "colour": "red"}), "colour"),
    ],
)
def test_a_damaged_job_is_told(tmp_path: Path, content: str | None, told: str) -> None:
    if content is not None:
        (tmp_path / "job.json").write_text(content)
    with pytest.raises(BadJob, match=told):
        read_job(tmp_path)


def test_a_scope_that_is_none_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(BadJob, match="segment:<name>"):
        write_job(tmp_path / "job", Job(tmp_path / "r", tmp_path / "registry", scope="team:x"))
