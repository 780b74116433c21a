"""`groundloop train ...` as a shell sees it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retrieval.embed import HashingEmbedder
from service.cli.group import TellingGroup
from service.cli.train import app
from tests.training.pipeline.world import judge, questions
from training.pipeline.job import JOB, Job, read_job, write_job
from training.pipeline.state import STATE, JobState, Reporter, Step, read_state
from training.policy.extractive import ExtractivePolicy, Prior
from training.records.types import Record
from training.records.write import record_lines

app.info.cls = TellingGroup


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GROUNDLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GROUNDLOOP_EMBEDDING_MODEL", "hashing")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    path = tmp_path / "records.jsonl"
    path.write_bytes(b"".join(record_lines(_judged(60))))
    return path


def _judged(count: int) -> Sequence[Record]:
    made = judge(questions(count), ExtractivePolicy(HashingEmbedder(), prior=Prior.similarity()))
    return [replace(record, judged_at=time.time() - 86_400) for record in made]


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def made(home: Path, name: str) -> Path:
    directory = home / "training" / name
    write_job(directory, Job(records=Path("/records.jsonl"), registry=Path("/registry")))
    return directory


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "give either --records FILE for a new job, or --resume NAME"),
        (("--records", "records.jsonl", "--resume", "job"), "give either"),
        (("--resume", "nothing"), "there is no training job nothing"),
        (("--records", "nothing.jsonl"), "there is no file nothing.jsonl"),
        (("--records", "records.jsonl", "--golden", "nothing.jsonl"), "there is no file nothing.jsonl"),
        (("--records", "records.jsonl", "--policy", "remote"), "extractive or causal"),
        (("--records", "records.jsonl", "--scope", "team:a"), "segment:<name>"),
        (("--records", "records.jsonl", "--method", "ppo,dpo"), "ppo stands alone"),
    ],
)
def test_what_cannot_be_done_is_told_and_leaves_nothing(
    home: Path, records: Path, arguments: tuple[str, ...], told: str
) -> None:
    code, _, error = run("run", *arguments)
    assert code == 1
    assert told in error
    assert not (home / "training").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"gate = [\n", "is not TOML"), (b"\xff\xfe", "is not TOML"), (b"gate = 3\n", "a table"), (b"[gates]\n", "gates")],
)
def test_options_that_cannot_be_read_are_told(home: Path, records: Path, content: bytes, told: str) -> None:
    Path("options.toml").write_bytes(content)
    code, _, error = run("run", "--records", str(records), "--options", "options.toml")
    assert code == 1
    assert told in error
    assert not (home / "training").exists()


def test_a_job_that_a_process_is_at_is_left_to_it(home: Path) -> None:
    Reporter(made(home, "job")).begin("update")  # by this very process
    code, _, error = run("run", "--resume", "job")
    assert code == 4
    assert f"process {os.getpid()} is at the job job" in error


def test_the_list_tells_who_died_and_who_never_started(home: Path) -> None:
    made(home, "1-never")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    state = JobState("running", dead.pid, 0.0, (Step("update", 0.0),))
    Reporter(made(home, "2-died"))._put(state)
    Reporter(made(home, "3-over")).close("waiting", "waiting for data: 3 of 200 judgements")
    _, out, _ = run("status")
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [
        ["3-over", "waiting"],
        ["2-died", "interrupted"],
        ["1-never", "never"],
    ]
    data = json.loads(run("status", "--json")[1])["data"]
    assert [job["status"] for job in data] == ["waiting", "interrupted", "never started"]
    assert "train run --resume 2-died" in run("status", "2-died")[1]
    assert "3 of 200 judgements" in run("status", "3-over")[1]
    assert run("status", "nothing")[0] == 1


@pytest.mark.slow
def test_a_job_may_be_for_a_segment(home: Path, records: Path) -> None:
    _, out, _ = run("run", "--records", str(records), "--scope", "segment:de")
    assert "waiting" in out
    (job,) = [read_job(path.parent) for path in home.glob("training/*/job.json")]
    assert (job.scope, job.registry.name) == ("segment:de", "extractive+segment.de")
    assert job.shared == job.registry.with_name("extractive")


@pytest.mark.slow
def test_thin_data_end_in_waiting(home: Path, records: Path) -> None:
    code, out, error = run("run", "--records", str(records))
    assert code == 0
    assert "of 200 judgements" in out
    assert "60 records, 0 lines refused" in error


@pytest.mark.slow
def test_ctrl_c_stops_at_a_checkpoint_and_the_job_goes_on(home: Path, records: Path) -> None:
    records.write_bytes(b"".join(record_lines(_judged(320))))
    options = (
        "[reward]\nprecision = 100.0\nsemantic = 0.0\nheads = 4\n[update]\nepochs = 100000\ncheckpoint_every = 50\n"
    )
    Path("options.toml").write_text(options)
    command = [sys.executable, "-m", "service.cli", "train", "run"]
    shell = subprocess.Popen(
        [*command, "--records", str(records), "--options", "options.toml"], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not (found := list(home.glob(f"training/*/{STATE}"))) or not _in_update(found[0]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    shell.send_signal(signal.SIGINT)
    _, error = shell.communicate(timeout=120)
    assert shell.returncode == 1
    assert "stopping at the next checkpoint" in error
    directory = found[0].parent
    state = read_state(directory)
    assert state is not None
    assert state.status == "stopped"
    job = json.loads((directory / JOB).read_text())
    job["options"]["update"] = {"epochs": 1}  # so that the test ends
    (directory / JOB).write_text(json.dumps(job))
    (directory / "update").rename(directory / "update-before")
    code, out, error = run("run", "--resume", directory.name, "--json")
    assert code == 0
    assert json.loads(out)["version"] == "v000001-extractive"
    assert not error


def _in_update(state: Path) -> bool:
    found = read_state(state.parent)
    return found is not None and found.step == "update" and found.done > 0
