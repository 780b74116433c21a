"""SIGKILL while a policy trains, at any moment: it goes on from its last checkpoint and learns the same, to the bit."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from tests.faults.training.update_child import CONFIG, train
from training.updates.metrics import read_metrics

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]
ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-m", "tests.faults.training.update_child"]
KILLS = 4


@pytest.fixture(scope="module")
def trainer() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(COMMAND, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield server
        server.communicate()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[float]], list[float]]:
    where = tmp_path_factory.mktemp("whole")
    return train(where), losses(where)


def losses(run_dir: Path) -> list[float]:
    return [line["loss"] for line in read_metrics(run_dir) if "grad_norm" in line]


def killed_after(trainer: subprocess.Popen[str], run_dir: Path, delay_s: float) -> tuple[list[int], int]:
    """Train for a moment; gives the steps that were taken and the exit code."""
    assert trainer.stdin is not None
    assert trainer.stdout is not None
    trainer.stdin.write(f"{run_dir}\n")
    trainer.stdin.flush()
    pid = int(trainer.stdout.readline().split()[1])
    steps: list[int] = []
    killer = Timer(delay_s, os.kill, (pid, signal.SIGKILL))
    killer.daemon = True
    for line in trainer.stdout:
        word, value = line.split()
        if word == "exit":
            killer.cancel()
            return steps, int(value)
        steps.append(int(value))
        if len(steps) == 1:
            killer.start()  # not before its first step: what is prepared before that is the same every time
    raise AssertionError("the trainer is gone")


@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_run_learns_what_an_uninterrupted_one_learns(
    trainer: subprocess.Popen[str], whole: tuple[dict[str, list[float]], list[float]], tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    done, codes = 0, []
    for delay_s in (*(rng.uniform(0.0, 0.5) for _ in range(KILLS)), 1e6):
        steps, code = killed_after(trainer, tmp_path, delay_s)
        codes.append(code)
        if steps:
            assert done - (CONFIG.checkpoint_every + 1) < steps[0] <= done + 1  # little is done twice, nothing skipped
            done = steps[-1]
    assert codes[-1] == 0
    assert -signal.SIGKILL in codes
    learned, course = whole
    assert json.loads((tmp_path / "learned.json").read_text()) == learned
    assert losses(tmp_path) == course
