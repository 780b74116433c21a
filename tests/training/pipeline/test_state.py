"""The state of a job is readable at any moment, and its result is there exactly when it is over."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from training.pipeline.state import RESULT, JobState, Reporter, alive, read_state


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_job_that_never_started_has_no_state(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None


def test_steps_follow_each_other(tmp_path: Path) -> None:
    clock = Clock()
    reporter = Reporter(tmp_path, clock)
    reporter.begin("snapshot")
    clock.now = 102.0
    reporter.progress(0.25)
    half = read_state(tmp_path)
    assert half is not None
    assert (half.step, half.done, half.beat_at, half.status) == ("snapshot", 0.25, 102.0, "running")
    reporter.end("12 records")
    reporter.begin("data")
    clock.now = 102.1
    reporter.progress(0.9)  # too soon to be worth writing
    state = read_state(tmp_path)
    assert state is not None
    assert [step.name for step in state.steps] == ["snapshot", "data"]
    assert (state.steps[0].finished_at, state.steps[0].note) == (102.0, "12 records")
    assert state.done == 0.0


@pytest.mark.parametrize("status", ["candidate", "refused", "waiting", "failed"])
def test_the_result_stands_whatever_is_written_later(tmp_path: Path, status: str) -> None:
    Reporter(tmp_path).close(status, "because", "v000001-extractive")  # type: ignore[arg-type]
    Reporter(tmp_path).begin("snapshot")
    state = read_state(tmp_path)
    assert state is not None
    assert (state.status, state.reason, state.version) == (status, "because", "v000001-extractive")


def test_a_stopped_job_has_no_result(tmp_path: Path) -> None:
    Reporter(tmp_path).close("stopped", "asked to")
    assert not (tmp_path / RESULT).exists()
    state = read_state(tmp_path)
    assert state is not None
    assert state.status == "stopped"


def test_a_dead_process_is_told_from_a_living_one() -> None:
    child = subprocess.Popen(["sleep", "60"])
    running = JobState("running", child.pid, 0.0)
    assert alive(running)
    child.kill()
    child.wait()
    assert not alive(running)
    assert not alive(JobState("candidate", os.getpid(), 0.0))
