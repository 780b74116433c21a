"""A training job that is killed, stopped or starved goes on to the same version, and publishes it once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from retrieval.embed import HashingEmbedder
from tests.training.pipeline.test_cycle import QUICK
from tests.training.pipeline.world import NOW, accuracy, judge, questions
from training.pipeline.cycle import run_cycle
from training.pipeline.job import Job, write_job
from training.pipeline.state import JobState, read_state
from training.policy.extractive import ExtractivePolicy, Prior, load_residual
from training.records.types import Record
from training.records.write import record_lines
from training.registry.registry import Registry

pytestmark = pytest.mark.fault
KILLS = 4
ARTEFACTS = ("adapter/residual.safetensors", "reward/heads.safetensors", "judge-0/heads.safetensors")


@pytest.fixture(scope="module")
def judged() -> Sequence[Record]:
    asked = questions(240)
    untrained = ExtractivePolicy(HashingEmbedder(), prior=Prior.similarity())
    return judge([asked[number % 240] for number in range(320)], untrained)


def make_job(directory: Path, records: Sequence[Record], **changes: object) -> Job:
    directory.mkdir()
    (directory / "records.jsonl").write_bytes(b"".join(record_lines(records)))
    job = Job(
        records=directory / "records.jsonl",
        registry=directory / "registry",
        encoder="hashing",
        now=NOW,
        options=QUICK,
    )
    write_job(directory / "job", replace(job, **changes))  # type: ignore[arg-type]
    return job


def start(directory: Path) -> subprocess.Popen[bytes]:
    with (directory / "log.txt").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "training.run", str(directory / "job")],
            stdout=log,
            stderr=log,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )


def finish(directory: Path) -> JobState:
    child = start(directory)
    assert child.wait(timeout=300) == 0, (directory / "log.txt").read_text()[-2000:]
    state = read_state(directory / "job")
    assert state is not None
    return state


def step_of(directory: Path) -> str:
    state = read_state(directory / "job")
    return state.step if state is not None else ""


def same(one: Path, other: Path, *names: str) -> None:
    """Compare to the last digits: sums of numbers at other addresses may be rounded in another order."""
    for name in names:
        left, right = (load_file(directory / "job" / name) for directory in (one, other))
        assert left.keys() == right.keys()
        for tensor, values in left.items():
            np.testing.assert_allclose(values, right[tensor], atol=1e-5, err_msg=f"{name}: {tensor}")


def published(job: Job) -> list[str]:
    return [line.name for line in Registry(job.registry).list() if line.version and line.version.path]


@pytest.mark.timeout(900)
def test_killed_at_random_moments_it_ends_as_if_nothing_had_happened(tmp_path: Path, judged: Sequence[Record]) -> None:
    make_job(tmp_path / "whole", judged)
    began = time.monotonic()
    expected = finish(tmp_path / "whole")
    lasts = time.monotonic() - began
    job = make_job(tmp_path / "killed", judged)
    rng = random.Random(11)
    for _ in range(KILLS):
        child = start(tmp_path / "killed")
        time.sleep(rng.uniform(0.2, 0.9) * lasts)
        child.kill()
        child.wait()
        for name in published(job):
            Registry(job.registry).open(name)  # whatever is there is whole
    state = finish(tmp_path / "killed")
    assert (state.status, state.version) == (expected.status, expected.version)
    same(tmp_path / "whole", tmp_path / "killed", *ARTEFACTS)
    assert len(published(job)) == 1
    assert Registry(job.registry).verify() == {state.version: ""}


@pytest.mark.timeout(600)
def test_asked_to_stop_in_the_update_it_stops_and_goes_on(tmp_path: Path, judged: Sequence[Record]) -> None:
    slow = {**QUICK, "update": {"epochs": 4000, "evaluate_every": 4000.0, "checkpoint_every": 100}}
    job = make_job(tmp_path / "stopped", judged, options=slow)
    child = start(tmp_path / "stopped")
    deadline = time.monotonic() + 240
    while step_of(tmp_path / "stopped") != "update" and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=120) == 75
    state = read_state(tmp_path / "stopped" / "job")
    assert state is not None
    assert state.status == "stopped"
    assert published(job) == []
    assert finish(tmp_path / "stopped").version in published(job)


def test_poisoned_feedback_is_refused_or_harmless(tmp_path: Path, judged: Sequence[Record]) -> None:
    """A fifth of the voters always say the opposite (row of sybils): refused, or less than a point lost."""
    sybils = {f"key:reader-{number}" for number in range(12)}

    def turned(record: Record) -> Record:
        if record.voter not in sybils:
            return record
        if record.kind == "vote":
            return replace(record, rating="down" if record.rating == "up" else "up")
        if record.outcome in ("first", "second"):
            swapped = "second" if record.outcome == "first" else "first"
            return replace(record, outcome=swapped, ranks=record.ranks[::-1])  # type: ignore[arg-type]
        return record

    job = make_job(tmp_path / "poisoned", [turned(record) for record in judged])
    state = run_cycle(tmp_path / "poisoned" / "job", job)
    asked = questions(360)[240:]
    prior = Prior.similarity()
    before = accuracy(asked, ExtractivePolicy(HashingEmbedder(), prior=prior))
    learned = load_residual(tmp_path / "poisoned" / "job" / "adapter")
    after = accuracy(asked, ExtractivePolicy(HashingEmbedder(), prior=prior, residual=learned))
    assert state.status == "refused" or after > before - 0.01
